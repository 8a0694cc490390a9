// Service levels and log levels between the structs that decide and the messages that travel.
#pragma once

#include "libcontrol/log/level_control.h"
#include "libcontrol/service/level.h"
#include "muster/common.pb.h"
#include "muster/node.pb.h"

namespace muster::convert {

v1::Level toProto(const service::Level& level);
// As replies have it.
v1::ServiceState toProto(const service::ServiceSnapshot& service);
// As presence has it: without what follows from the rest.
v1::ServiceState toStatus(const service::ServiceSnapshot& service);
// What a node said: figures out of range are brought into it and the level is judged anew, so that
// nobody has to trust the sender's own judgement.
service::ServiceSnapshot fromProto(const v1::ServiceState& service);

v1::LogLevel toProto(log::Level level);
// `level` is one of the seven real levels.
log::Level fromProto(v1::LogLevel level);
v1::LoggerState toProto(const log::LoggerState& state);

}  // namespace muster::convert
