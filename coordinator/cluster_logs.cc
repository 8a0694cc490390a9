#include "coordinator/cluster_logs.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"

namespace muster::coordinator {
namespace {

// The fields that a node's request has as well, by their names.
template <typename NodeRequest, typename Request>
NodeRequest forNode(const Request& request) {
  NodeRequest out;
  const auto& from = *request.GetReflection();
  const auto& to = *out.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> set;
  from.ListFields(request, &set);
  for (const auto* field : set) {
    const auto* same = out.GetDescriptor()->FindFieldByName(field->name());
    if (same == nullptr) continue;
    using google::protobuf::FieldDescriptor;
    switch (same->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        to.SetString(&out, same, from.GetString(request, field));
        break;
      case FieldDescriptor::CPPTYPE_UINT32:
        to.SetUInt32(&out, same, from.GetUInt32(request, field));
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        to.SetBool(&out, same, from.GetBool(request, field));
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        to.SetEnum(&out, same, from.GetEnum(request, field));
        break;
      default:
        break;
    }
  }
  return out;
}

// Why there is no answer at all, if nobody gave one.
Status refusalOf(const Poll::Outcome& outcome) {
  const bool any = std::any_of(outcome.answers.begin(), outcome.answers.end(),
                               [](const auto& answer) { return answer.status.isOk(); });
  if (any || outcome.answers.empty()) return Status::ok();
  // What is wrong with the question outweighs what is wrong with a node.
  const auto found = std::find_if(
      outcome.answers.begin(), outcome.answers.end(),
      [](const auto& answer) { return answer.status.code() == Code::kInvalidArgument; });
  const Poll::Answer& answer = found == outcome.answers.end() ? outcome.answers.front() : *found;
  if (found != outcome.answers.end()) return answer.status;
  return {answer.status.code(), answer.node + ": " + answer.status.text(), answer.status.field()};
}

// Those that could not be asked, and those that could not answer.
template <typename Reply>
void addSilent(Reply& reply, const Poll::Outcome& outcome) {
  for (const Poll::Answer& answer : outcome.answers) {
    if (answer.status.isOk()) continue;
    v1::NodeResult& result = *reply.add_results();
    result.set_node(answer.node);
    result.set_outcome(codeName(answer.status.code()));
    result.set_text(answer.status.text());
  }
  for (const v1::NodeResult& silent : outcome.silent) *reply.add_results() = silent;
}

}  // namespace

ClusterLogs::ClusterLogs(Parts parts)
    : parts_(std::move(parts)),
      poll_(parts_.members, parts_.fanout, parts_.clock,
            {limits::kLogFanoutWait, limits::kLogFanoutLimit}) {}

void ClusterLogs::search(const commands::Where& where, const v1::ClusterLogsRequest& request,
                         const std::string& by,
                         std::function<void(Result<v1::ClusterLogsReply>)> done) {
  const auto target = resolveTarget(where, parts_.groups(), parts_.members);
  if (!target) return done(target.status());
  const bool onward = request.has_after();
  LogPlaces from;
  if (onward || request.has_before()) {
    const std::string& word = onward ? request.after() : request.before();
    auto places = placesOf(word, onward ? "after" : "before");
    if (!places) return done(places.status());
    from = std::move(places).value();
  }
  v1::Order order;
  order.set_by(by);
  *order.mutable_logs() = forNode<v1::LogsRequest>(request);
  order.mutable_logs()->clear_before();
  order.mutable_logs()->clear_after();
  const bool oldest = onward || request.oldest();
  const auto make = [order, from, onward](const std::string& node) {
    v1::Order out = order;
    const auto place = from.find(node);
    if (place == from.end() || place->second.empty()) return out;
    if (onward) {
      out.mutable_logs()->set_after(place->second);
    } else {
      out.mutable_logs()->set_before(place->second);
    }
    return out;
  };
  const std::string came_of = onward ? request.after() : std::string();
  poll_.ask(membersOf(*target, parts_.members), make,
            [this, from, oldest, came_of, limit = request.limit(),
             done = std::move(done)](const Poll::Outcome& outcome) {
              if (Status refused = refusalOf(outcome); !refused) return done(refused);
              std::vector<NodeLines> nodes;
              for (const Poll::Answer& answer : outcome.answers) {
                if (answer.status.isOk()) nodes.push_back({answer.node, answer.reply.logs()});
              }
              MergedLines merged = mergeLines(std::move(nodes), limit, oldest, from);
              // Who is silent now goes on from where it was.
              for (const auto& [node, place] : from) {
                if (oldest) merged.newer.emplace(node, place);
              }
              addSilent(merged.reply, outcome);
              if (!merged.older.empty()) {
                merged.reply.set_older(keep(std::move(merged.older), {}));
              }
              merged.reply.set_newer(keep(std::move(merged.newer), came_of));
              done(std::move(merged.reply));
            });
}

void ClusterLogs::topErrors(const commands::Where& where,
                            const v1::ClusterTopErrorsRequest& request, const std::string& by,
                            std::function<void(Result<v1::ClusterTopErrorsReply>)> done) {
  const auto target = resolveTarget(where, parts_.groups(), parts_.members);
  if (!target) return done(target.status());
  v1::Order order;
  order.set_by(by);
  *order.mutable_top_errors() = forNode<v1::TopErrorsRequest>(request);
  // What is rare at each may be frequent at all of them together.
  order.mutable_top_errors()->set_limit(limits::kMaxLogGroupsTold);
  poll_.ask(
      membersOf(*target, parts_.members), [order](const std::string&) { return order; },
      [limit = request.limit(), done = std::move(done)](const Poll::Outcome& outcome) {
        if (Status refused = refusalOf(outcome); !refused) return done(refused);
        std::vector<std::pair<std::string, v1::TopErrorsReply>> nodes;
        for (const Poll::Answer& answer : outcome.answers) {
          if (answer.status.isOk()) nodes.emplace_back(answer.node, answer.reply.top_errors());
        }
        v1::ClusterTopErrorsReply reply = mergeGroups(nodes, limit);
        addSilent(reply, outcome);
        done(std::move(reply));
      });
}

std::string ClusterLogs::keep(LogPlaces places, const std::string& came_of) {
  forgetOld();
  // Whoever goes on from a place needs the one before that no more.
  if (const auto used = kept_.find(came_of); used != kept_.end()) {
    kept_.erase(used->second.before_it);
    used->second.before_it.clear();
  }
  char word[17];
  snprintf(word, sizeof word, "%016llx", static_cast<unsigned long long>(parts_.random.next()));
  kept_[word] = {std::move(places), parts_.clock.elapsed(), came_of};
  order_.push_back(word);
  return word;
}

Result<LogPlaces> ClusterLogs::placesOf(const std::string& word, const char* field) {
  forgetOld();
  const auto found = kept_.find(word);
  if (found != kept_.end()) return found->second.places;
  return Status(Code::kNotFound,
                "the place '" + singleLine(word, 64) +
                    "' is not known (any more); ask anew without '" + field + "'",
                field);
}

void ClusterLogs::forgetOld() {
  const ElapsedTime now = parts_.clock.elapsed();
  while (!order_.empty()) {
    const auto oldest = kept_.find(order_.front());
    const bool stays = oldest != kept_.end() && kept_.size() <= limits::kMaxLogPlaces &&
                       now - oldest->second.when < limits::kLogPlaceLife;
    if (stays) return;
    if (oldest != kept_.end()) kept_.erase(oldest);
    order_.pop_front();
  }
}

}  // namespace muster::coordinator
