// What people read about incidents. Every text is plain, starts with what matters most, and names
// the chat line that comes next.
#pragma once

#include <string>
#include <vector>

#include "libcontrol/incident/types.h"

namespace muster::incident {

// "incident 17 (page)".
std::string nameOf(const Incident& incident);
// "14 mins.", since it began, until its end or now.
std::string lengthOf(const Incident& incident, WallTime now);

std::string openedText(const Incident& incident, const Policy& policy);
std::string updateText(const Incident& incident, const TargetLevel* level, WallTime now);
std::string endedText(const Incident& incident, WallTime now);
std::string escalatedText(const Incident& incident, const Policy& policy, WallTime now);
// For the room: to whom it went.
std::string escalatedInRoom(const Incident& incident, const std::vector<Jid>& whom, WallTime now);
// What the room's own message has besides openedText(): how to take it there.
std::string inRoomLine(const Incident& incident, const Policy& policy);

// The same in a line.
std::string openedGist(const Incident& incident);
std::string endedGist(const Incident& incident, WallTime now);

// What to do first about it, as a chat line: "explain ledger", "service-level user.ledger".
std::string suggestedLine(const Incident& incident);
// The same as a link that a client opens as a form (XEP-0147 and XEP-0050).
std::string suggestedLink(const Incident& incident, const std::string& component);

// "user.ledger, mail.ledger and 12 more".
std::string namesInShort(const std::vector<std::string>& names, size_t total);

}  // namespace muster::incident
