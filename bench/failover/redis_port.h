// A connection to a Redis server or a sentinel, and the few questions that a benchmark has.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct redisContext;

namespace muster::bench {

// One thread at a time. Connects when it has something to ask; whatever goes wrong is "nothing" or
// false, and the next call connects anew.
class RedisPort {
 public:
  explicit RedisPort(uint16_t port) : port_(port) {}

  uint16_t port() const { return port_; }
  // The answer's texts, of nested ones one after the other; nothing if it is an error or none comes
  // within a moment.
  std::optional<std::vector<std::string>> ask(const std::vector<std::string>& words);
  // Whether it takes a write, which of a group only the master does.
  bool takesWrites();
  // A replica of that port whose copy is whole.
  bool isReplicaOf(uint16_t master);
  // A connection to a server that was stopped may be of no use any more.
  void hangUp() { context_.reset(); }

 private:
  struct Closer {
    void operator()(redisContext* context) const;
  };
  const uint16_t port_;
  std::unique_ptr<redisContext, Closer> context_;
};

}  // namespace muster::bench
