// The ways in which people and programs reach a node's commands.
#pragma once

#include <memory>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/random.h"
#include "libcontrol/catalogue/adhoc_face.h"
#include "libcontrol/catalogue/chat_face.h"
#include "libcontrol/catalogue/dispatcher.h"
#include "libcontrol/node/node_identity.h"
#include "libcontrol/xmpp/addresses.h"
#include "libcontrol/xmpp/adhoc_responder.h"
#include "libcontrol/xmpp/chat_endpoint.h"
#include "libcontrol/xmpp/disco.h"
#include "libcontrol/xmpp/endpoint.h"

namespace muster {

// Form, chat and discovery at the node's own address. Lives on the event loop's thread; all
// references must outlive it.
class NodeFaces {
 public:
  struct Parts {
    xmpp::Endpoint& endpoint;
    const catalogue::Authority& authority;
    const catalogue::Directory& directory;
    catalogue::AuditSink& audit;
    Clock& clock;
    Random& random;
    // See catalogue::Dispatcher::Ports.
    std::function<void(const std::string& verb, Code outcome, ElapsedTime began)> answered{};
  };
  // kInternal: a command without handler and the like, see Catalogue and Dispatcher.
  static Result<std::unique_ptr<NodeFaces>> make(
      Parts parts, const NodeIdentity& identity,
      const std::vector<const google::protobuf::ServiceDescriptor*>& services,
      catalogue::HandlerSet handlers);

  catalogue::Dispatcher& dispatcher() { return *dispatcher_; }
  // A chat message of our own accord; lost without a connection.
  void say(const Jid& to, const std::string& text) { (void)chat_.say(Jid(), to, text); }

 private:
  NodeFaces(const Parts& parts, const NodeIdentity& identity,
            std::unique_ptr<catalogue::Dispatcher> dispatcher);

  xmpp::Addresses addresses_;
  std::unique_ptr<catalogue::Dispatcher> dispatcher_;
  catalogue::AdhocFace adhoc_face_;
  catalogue::ChatFace chat_face_;
  xmpp::AdhocResponder responder_;
  xmpp::Disco disco_;
  xmpp::ChatEndpoint chat_;
};

}  // namespace muster
