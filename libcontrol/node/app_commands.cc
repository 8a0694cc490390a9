#include "libcontrol/node/app_commands.h"

#include <atomic>
#include <exception>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/catalogue/catalogue.h"

namespace muster {

struct AppCommands::Gate {
  std::atomic<bool> closed{false};
  size_t waiting = 0;  // on the event loop's thread only
};

std::shared_ptr<AppCommands::Gate> AppCommands::makeGate() {
  return std::make_shared<Gate>();
}

Result<AppCommands::Services> AppCommands::services() const {
  Services out;
  for (const Commands& commands : commands_) {
    const auto* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(commands.service());
    if (service == nullptr) {
      return Status(Code::kInvalidArgument, "commands of the application: there is no service '" +
                                                commands.service() +
                                                "' among the generated code that is linked in");
    }
    for (const auto& [rpc, handler] : commands.handlers()) {
      if (service->FindMethodByName(rpc) != nullptr) continue;
      return Status(Code::kInvalidArgument, "commands of the application: " + commands.service() +
                                                " has no rpc '" + rpc + "' to handle");
    }
    out.push_back(service);
  }
  return out;
}

void AppCommands::addTo(catalogue::HandlerSet& handlers) {
  for (const Commands& commands : commands_) {
    const auto* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(commands.service());
    for (const auto& [rpc, handler] : commands.handlers()) {
      // By verb, which is unique among all services of the node.
      const std::string& verb =
          service->FindMethodByName(rpc)->options().GetExtension(v1::command).verb();
      handlers.add(
          verb, catalogue::HandlerSet::Entry{
                    handler.request, handler.reply,
                    [this, &handler = handler](const google::protobuf::Message& request,
                                               const std::shared_ptr<catalogue::CallState>& state) {
                      run(handler, request, state);
                    }});
    }
  }
}

void AppCommands::run(const Commands::Handler& handler, const google::protobuf::Message& request,
                      std::shared_ptr<catalogue::CallState> state) {
  if (gate_->closed) return state->finish({Code::kUnavailable, "this node is stopping"}, nullptr);
  if (gate_->waiting >= limits::kMaxWaitingAppCalls) {
    return state->finish({Code::kResourceExhausted,
                          std::to_string(limits::kMaxWaitingAppCalls) +
                              " commands of the application are waiting already; ask again later"},
                         nullptr);
  }
  ++gate_->waiting;
  std::shared_ptr<google::protobuf::Message> copy(request.New());
  copy->CopyFrom(request);
  const catalogue::CallContext& context = state->context();
  auto call = std::make_shared<Call>(context.caller().bare().toString(),
                                     catalogue::roleName(context.role()),
                                     catalogue::faceName(context.face()));
  thread_.post([this, gate = gate_, &handler, copy, call, state = std::move(state)]() mutable {
    Commands::Outcome outcome = Status(Code::kUnavailable, "this node is stopping");
    if (!gate->closed) {
      try {
        outcome = handler.run(*copy, *call);
      } catch (const std::exception& error) {
        outcome = Status(Code::kInternal, std::string("the command failed: ") + error.what());
      }
    }
    answers_.post([gate, call, outcome = std::move(outcome), state = std::move(state)] {
      --gate->waiting;
      if (!call->noted().empty()) state->context().note(call->noted());
      state->finish(outcome.status(), outcome ? *outcome : nullptr);
    });
  });
}

std::optional<std::vector<std::string>> AppCommands::names(const std::string& kind) const {
  for (const Commands& commands : commands_) {
    const auto found = commands.allNames().find(kind);
    if (found != commands.allNames().end()) return found->second();
  }
  return std::nullopt;
}

void AppCommands::close() {
  gate_->closed = true;
}

}  // namespace muster
