// Orders: what the coordinator has a node do for somebody who asked at the coordinator.
#pragma once

#include <functional>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/status.h"
#include "libcontrol/xmpp/endpoint.h"
#include "muster/wire.pb.h"

namespace muster::coordinator {

// Sends one order and waits for its answer; bounds nothing but the time (who sends many at once
// bounds how many). Lives on the event loop's thread; the endpoint must outlive it.
class Orders {
 public:
  // ok: the node has carried it out, and `reply` is its answer. Otherwise why not: the node's own
  // refusal, with its code, text and field (then `reply` is set too), kTimeout or kUnavailable (it
  // may still have been carried out), or the stanza error of whoever answered.
  using Done = std::function<void(const Status& status, const v1::OrderReply& reply)>;

  explicit Orders(xmpp::Endpoint& component) : component_(component) {}

  // To a full JID. `order.by` and its kind must be set. Calls `done` exactly once, later, unless
  // the endpoint ends first.
  void send(const Jid& node, const v1::Order& order, Duration timeout, Done done);

 private:
  xmpp::Endpoint& component_;
};

// What an answer means: its code by name, its text and field. A code that is not known here is an
// error of the node's.
Status statusOf(const v1::OrderReply& reply);

}  // namespace muster::coordinator
