// A tap on the way between a component and its server: passes everything on and tells of the IQs
// and presences that went by.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/child.h"
#include "libcontrol/base/status.h"

namespace muster::bench {

struct Seen {
  bool from_component = false;
  std::string what;  // "iq set drain", "iq result drained", "presence"
};

// A process of its own. The component's stream is not encrypted (XEP-0114), so what goes by can be
// read without a hand in either end.
class Tap {
 public:
  // Listens on a free port of loopback; to be called before this process has a QCoreApplication.
  static Result<std::unique_ptr<Tap>> start(uint16_t server_port);
  ~Tap();

  uint16_t port() const { return port_; }
  // What has gone by since the last call, in order.
  std::vector<Seen> take();

 private:
  Tap(std::unique_ptr<Child> child, uint16_t port, int events)
      : child_(std::move(child)), port_(port), events_(events) {}

  std::unique_ptr<Child> child_;
  const uint16_t port_;
  const int events_;
  std::string rest_;
};

}  // namespace muster::bench
