// The application's own commands, beside those that every node has.
#pragma once

#include <google/protobuf/descriptor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/catalogue/handlers.h"
#include "libcontrol/node/app_thread.h"
#include "libcontrol/xmpp/mailbox.h"
#include "muster/commands.h"

namespace muster {

// Made and used on the event loop's thread; its handlers run on the thread given, which must have
// ended before this is destroyed.
class AppCommands {
 public:
  using Services = std::vector<const google::protobuf::ServiceDescriptor*>;

  AppCommands(std::vector<Commands> commands, AppThread& thread)
      : commands_(std::move(commands)), thread_(thread) {}

  // kInvalidArgument names the service that isn't there, or the handler of no rpc.
  Result<Services> services() const;
  // After services() was ok. This object must outlive the handlers.
  void addTo(catalogue::HandlerSet& handlers);

  // Nothing for a kind of names that isn't the application's.
  std::optional<std::vector<std::string>> names(const std::string& kind) const;
  // From now on calls are refused, and those that wait are too.
  void close();

 private:
  void run(const Commands::Handler& handler, const google::protobuf::Message& request,
           std::shared_ptr<catalogue::CallState> state);

  const std::vector<Commands> commands_;
  AppThread& thread_;
  // Shared with the jobs that wait.
  struct Gate;
  std::shared_ptr<Gate> gate_ = makeGate();
  static std::shared_ptr<Gate> makeGate();
  Mailbox answers_;
};

}  // namespace muster
