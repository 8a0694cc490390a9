#include "libcontrol/node/node_faces.h"

#include <utility>

#include "libcontrol/xmpp/faces.h"

namespace muster {

Result<std::unique_ptr<NodeFaces>> NodeFaces::make(
    Parts parts, const NodeIdentity& identity,
    const std::vector<const google::protobuf::ServiceDescriptor*>& services,
    catalogue::HandlerSet handlers) {
  auto catalogue = catalogue::Catalogue::build(services);
  if (!catalogue) return catalogue.status();
  auto dispatcher = catalogue::Dispatcher::make(
      std::move(catalogue).value(), std::move(handlers),
      {&parts.authority, &parts.directory, &parts.audit, &parts.random, parts.answered});
  if (!dispatcher) return dispatcher.status();
  return std::unique_ptr<NodeFaces>(new NodeFaces(parts, identity, std::move(dispatcher).value()));
}

NodeFaces::NodeFaces(const Parts& parts, const NodeIdentity& identity,
                     std::unique_ptr<catalogue::Dispatcher> dispatcher)
    : addresses_(parts.authority),
      dispatcher_(std::move(dispatcher)),
      adhoc_face_(*dispatcher_, parts.random),
      chat_face_(*dispatcher_, parts.random),
      responder_(parts.endpoint, addresses_, xmpp::commandHandler(adhoc_face_, parts.clock)),
      disco_(parts.endpoint, addresses_, xmpp::commandsFor(adhoc_face_), identity.version),
      chat_(parts.endpoint, addresses_, parts.clock, xmpp::chatHandler(chat_face_, parts.clock)) {
  addresses_.add({identity.jid, xmpp::AddressKind::kNode, identity.name, ""});
}

}  // namespace muster
