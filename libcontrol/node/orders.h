// Orders of the coordinator: what it has this node do for somebody who asked at the coordinator.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/random.h"
#include "libcontrol/catalogue/dispatcher.h"
#include "libcontrol/node/drain_marks.h"
#include "libcontrol/node/log_rules.h"
#include "libcontrol/xmpp/endpoint.h"
#include "muster/wire.pb.h"

namespace muster {

// Takes <order xmlns='urn:muster:order:1'/> from the coordinator's address and from nobody else:
// to others it isn't there. The coordinator has judged whether the person named may ask for this;
// the arguments are checked here as any command's are, by the same code. Whatever becomes of an
// order that could be read is told in an OrderReply, never as a stanza's error. Lives on the event
// loop's thread; all references must outlive it.
class Orders {
 public:
  struct Parts {
    xmpp::Endpoint& endpoint;
    catalogue::Dispatcher& dispatcher;
    catalogue::AuditSink& audit;
    DrainMarks& drain;
    Clock& clock;
    Random& random;
    const LogRules* log_rules = nullptr;  // null: none
  };
  Orders(Parts parts, Jid coordinator);
  ~Orders();
  Orders(const Orders&) = delete;
  Orders& operator=(const Orders&) = delete;

 private:
  void onOrder(const xmpp::Element& iq, const xmpp::IqReply& reply);
  // As the node's own command of that rpc; `take` gets its reply, if there is one.
  void command(const std::string& rpc, const Jid& by, const google::protobuf::Message& request,
               const xmpp::IqReply& reply,
               std::function<void(const google::protobuf::Message&, v1::OrderReply&)> take);
  v1::OrderReply badLines(const v1::BadLinesRequest& request) const;
  Status drain(const Jid& by, const v1::DrainMark& mark);

  Parts parts_;
  const Jid coordinator_;
};

}  // namespace muster
