// Orders to many nodes, a bounded number of them on their way at once.
#pragma once

#include <QTimer>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>

#include "coordinator/orders.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"

namespace muster::coordinator {

// Sends in the order in which it was asked to, so that of two orders to one node the later one
// arrives later. Whoever is silent for limits::kOrderPatience no longer counts as on its way, but
// is still heard until limits::kIqTimeout. Lives on the event loop's thread; the clock must outlive
// it.
class Fanout {
 public:
  using Send =
      std::function<void(const Jid& node, const v1::Order&, Duration timeout, Orders::Done)>;
  // Asked when the order's turn has come; nothing: it is no longer wanted, and `done` isn't called.
  using Make = std::function<std::optional<v1::Order>()>;

  Fanout(Send send, Clock& clock);

  // False if the line is full (limits::kMaxOrdersInLine); then nothing is called.
  bool add(const Jid& node, Make make, Orders::Done done);

  // Called by a timer; tests with a clock of their own call it themselves.
  void checkTime();

  size_t inFlight() const { return in_flight_.size(); }
  size_t waiting() const { return line_.size(); }

 private:
  struct Item {
    Jid node;
    Make make;
    Orders::Done done;
  };
  void sendMore();

  const Send send_;
  Clock& clock_;
  std::deque<Item> line_;
  std::map<uint64_t, ElapsedTime> in_flight_;  // since when; those that still count
  uint64_t next_ = 0;
  bool sending_ = false;
  QTimer timer_;
};

}  // namespace muster::coordinator
