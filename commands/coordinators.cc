#include "commands/coordinators.h"

namespace muster::commands {

void addCoordinators(catalogue::HandlerSet& handlers, Coordinators& coordinators) {
  handlers.add<v1::CoordinatorsRequest, v1::CoordinatorsReply>(
      "Coordinators", [&coordinators](const v1::CoordinatorsRequest&, catalogue::CallContext& call,
                                      const catalogue::Responder<v1::CoordinatorsReply>& answer) {
        v1::CoordinatorsReply reply = coordinators.coordinators();
        for (const v1::CoordinatorState& each : reply.coordinators()) {
          if (each.leads()) call.note(each.name() + " leads since " + each.leads_since());
        }
        answer.reply(std::move(reply));
      });
}

}  // namespace muster::commands
