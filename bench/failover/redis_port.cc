#include "bench/failover/redis_port.h"

#include <hiredis/hiredis.h>

#include "coordinator/local/cluster_info.h"

namespace muster::bench {
namespace {

constexpr timeval kPatience = {0, 500'000};

void append(const redisReply& reply, std::vector<std::string>& out) {
  for (size_t i = 0; i < reply.elements; ++i) append(*reply.element[i], out);
  if (reply.type == REDIS_REPLY_INTEGER) out.push_back(std::to_string(reply.integer));
  if (reply.str != nullptr) out.emplace_back(reply.str, reply.len);
}

}  // namespace

void RedisPort::Closer::operator()(redisContext* context) const {
  redisFree(context);
}

std::optional<std::vector<std::string>> RedisPort::ask(const std::vector<std::string>& words) {
  if (context_ == nullptr || context_->err != 0) {
    context_.reset(redisConnectWithTimeout(local::kLoopback, port_, kPatience));
    if (context_ == nullptr || context_->err != 0) return std::nullopt;
    redisSetTimeout(context_.get(), kPatience);
  }
  std::vector<const char*> texts;
  std::vector<size_t> lengths;
  for (const std::string& word : words) {
    texts.push_back(word.data());
    lengths.push_back(word.size());
  }
  const std::unique_ptr<redisReply, decltype(&freeReplyObject)> reply(
      static_cast<redisReply*>(redisCommandArgv(context_.get(), static_cast<int>(words.size()),
                                                texts.data(), lengths.data())),
      freeReplyObject);
  if (reply == nullptr || reply->type == REDIS_REPLY_ERROR) return std::nullopt;
  std::vector<std::string> out;
  append(*reply, out);
  return out;
}

bool RedisPort::takesWrites() {
  return ask({"SET", "probe", "written"}).has_value();
}

bool RedisPort::isReplicaOf(uint16_t master) {
  const auto role = ask({"ROLE"});
  return role && role->size() >= 4 && (*role)[0] == "slave" &&
         (*role)[2] == std::to_string(master) && (*role)[3] == "connected";
}

}  // namespace muster::bench
