#include "commands/incidents.h"

#include <utility>

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

// A page that a phone still shows.
constexpr uint32_t kDefaultLimit = 20;

std::string nameOf(const v1::IncidentRecord& incident) {
  return "Incident " + std::to_string(incident.id()) + ", " + incident.target() + ",";
}

// Registers a command that changes one incident: `change(request, origin)` gives it back,
// `sentence` says what has come of it.
template <typename Request, typename Reply, typename Change, typename Sentence>
void addChange(catalogue::HandlerSet& handlers, const char* rpc, Change change, Sentence sentence) {
  handlers.add<Request, Reply>(rpc, [change, sentence](const Request& request, CallContext& context,
                                                       const Responder<Reply>& responder) {
    auto incident = change(request, originOf(context, ""));
    if (!incident) return responder.fail(incident.status());
    context.note(sentence(*incident));
    Reply reply;
    *reply.mutable_incident() = std::move(incident).value();
    responder.reply(std::move(reply));
  });
}

void list(const v1::IncidentsRequest& request, CallContext& context,
          const Responder<v1::IncidentsReply>& responder, IncidentDesk& desk) {
  v1::IncidentsRequest bounded = request;
  if (!bounded.has_limit()) bounded.set_limit(kDefaultLimit);
  auto reply = desk.list(bounded, context.wall());
  if (!reply) return responder.fail(reply.status());
  const auto& incidents = reply->incidents();
  if (incidents.empty()) {
    const bool open = !bounded.has_which() || bounded.which() == v1::INCIDENTS_WHICH_OPEN;
    context.note(open ? "No incident is open." : "There is no incident that matches.");
  } else if (static_cast<uint32_t>(incidents.size()) == bounded.limit()) {
    context.note("Older ones: before=" + std::to_string(incidents.rbegin()->id()) + ".");
  }
  responder.reply(std::move(reply).value());
}

}  // namespace

void addIncidents(catalogue::HandlerSet& handlers, IncidentDesk& desk) {
  handlers.add<v1::IncidentsRequest, v1::IncidentsReply>(
      "Incidents", [&desk](const v1::IncidentsRequest& request, CallContext& context,
                           const Responder<v1::IncidentsReply>& responder) {
        list(request, context, responder, desk);
      });
  addChange<v1::AckRequest, v1::AckReply>(
      handlers, "Ack",
      [&desk](const v1::AckRequest& request, const Origin& origin) {
        return desk.acknowledge(request.id(), request.text(), origin);
      },
      [](const v1::IncidentRecord& incident) { return nameOf(incident) + " is yours."; });
  addChange<v1::NoteRequest, v1::NoteReply>(
      handlers, "Note",
      [&desk](const v1::NoteRequest& request, const Origin& origin) {
        return desk.addNote(request.id(), request.text(), origin);
      },
      [](const v1::IncidentRecord& incident) { return nameOf(incident) + " has your note."; });
  addChange<v1::AssignRequest, v1::AssignReply>(
      handlers, "Assign",
      [&desk](const v1::AssignRequest& request, const Origin& origin) {
        return desk.assign(request.id(), request.jid(), origin);
      },
      [](const v1::IncidentRecord& incident) {
        return nameOf(incident) + " is given to " + incident.assignee() + ".";
      });
  addChange<v1::ResolveRequest, v1::ResolveReply>(
      handlers, "Resolve",
      [&desk](const v1::ResolveRequest& request, const Origin& origin) {
        return desk.resolve(request.id(), request.text(), origin);
      },
      [](const v1::IncidentRecord& incident) { return nameOf(incident) + " is over."; });
}

}  // namespace muster::commands
