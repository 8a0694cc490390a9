// explain --replay: a choice that was saved, made again without a coordinator.
#pragma once

#include <string>

#include "coordinator/cli/report.h"
#include "libcontrol/base/status.h"
#include "muster/cluster.pb.h"

namespace muster::cli {

// What `explain GROUP -o json` printed, as far as a choice follows from it. Errors name the place
// in the document.
Result<v1::ExplainReply> readExplanation(const std::string& json);

// Makes the choice in `file` again and says whether it is the one that was saved. kDone if it is,
// kFailed if not, kUsage if the file is none such.
Exit replay(bool json, const std::string& file);

}  // namespace muster::cli
