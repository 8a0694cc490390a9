// The catalogue's faces of the commands, as the handlers that an endpoint's responders call. Faces
// and clock must outlive what is made here; an address's group is the one implied.
#pragma once

#include "libcontrol/base/clock.h"
#include "libcontrol/catalogue/adhoc_face.h"
#include "libcontrol/catalogue/chat_face.h"
#include "libcontrol/xmpp/adhoc_responder.h"
#include "libcontrol/xmpp/chat_endpoint.h"
#include "libcontrol/xmpp/disco.h"

namespace muster::xmpp {

CommandHandler commandHandler(catalogue::AdhocFace& face, Clock& clock);
CommandsFor commandsFor(const catalogue::AdhocFace& face);
ChatHandler chatHandler(catalogue::ChatFace& face, Clock& clock);

}  // namespace muster::xmpp
