// For a test of a few commands of a service that has more.
#pragma once

#include <google/protobuf/descriptor.h>

#include <memory>
#include <string>

#include "libcontrol/catalogue/handlers.h"

namespace muster::catalogue {

// Answers every command of the service that `handlers` leaves out with an empty reply, so that a
// new command needs no change of the tests of others.
inline HandlerSet withTheOthers(const google::protobuf::ServiceDescriptor& service,
                                HandlerSet handlers) {
  const HandlerSet given = handlers;
  for (int i = 0; i < service.method_count(); ++i) {
    const auto& method = *service.method(i);
    const std::string& verb = method.options().GetExtension(v1::command).verb();
    if (given.entries().count(verb) > 0 || given.entries().count(method.name()) > 0) continue;
    handlers.add(
        method.name(),
        HandlerSet::Entry{
            method.input_type(), method.output_type(),
            [&method](const google::protobuf::Message&, const std::shared_ptr<CallState>& state) {
              const auto* empty =
                  google::protobuf::MessageFactory::generated_factory()->GetPrototype(
                      method.output_type());
              state->finish(Status::ok(),
                            std::shared_ptr<const google::protobuf::Message>(empty->New()));
            }});
  }
  return handlers;
}

}  // namespace muster::catalogue
