// Decisions of the election as messages, whole: what they follow from and what comes of it.
#pragma once

#include "libcontrol/base/status.h"
#include "libcontrol/election/choose.h"
#include "muster/cluster.pb.h"

namespace muster::convert {

// In the decision's order.
void addCandidates(const election::Decision& decision,
                   google::protobuf::RepeatedPtrField<v1::CandidateState>& out);

v1::DecisionInputs toProto(const election::Decision& decision);
// Makes the decision again. kInvalidArgument, naming the field, if a value is out of its range.
Result<election::Decision> decide(const v1::DecisionInputs& inputs);

}  // namespace muster::convert
