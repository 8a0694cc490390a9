// One look at the server's port for clients, as far as a stranger gets: TCP, TLS, what is offered.
#pragma once

#include <string>

#include "coordinator/cli/client.h"
#include "coordinator/cli/doctor_checks.h"
#include "libcontrol/base/clock.h"

namespace muster::cli {

// Opens a stream (RFC 6120) and closes it before the login. A certificate that is not accepted does
// not stop it: no secret is sent. Runs the event loop; takes at most `limit`.
StreamFacts probeStream(const Login& login, Duration limit);

}  // namespace muster::cli
