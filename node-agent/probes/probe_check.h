// One run of a probe over the network. Blocks, for no longer than its timeout.
#pragma once

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "node-agent/probes/probe_config.h"

namespace muster::agent {

// ok: good. Otherwise a clause for people on what was wrong.
Status checkHttp(const HttpProbe& probe);
Status checkTcp(const TcpProbe& probe, Duration timeout);

// What an answer means.
Status judge(const HttpProbe& probe, const HttpAnswer& answer);

}  // namespace muster::agent
