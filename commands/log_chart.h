// When something was written, as a row of blocks.
#pragma once

#include <string>

#include "muster/common.pb.h"

namespace muster::commands {

// A block for each part, as high as it has records compared with the fullest; "·" for none.
std::string chartOf(const google::protobuf::RepeatedField<uint64_t>& parts);

}  // namespace muster::commands
