// What is to be masked, as the configuration says it:
//
//   [logs]
//   mask_off = ["cards"]          # usual rules that are not to be applied; Masker::usual()
//
//   [[logs.mask]]
//   name = "customer"
//   pattern = 'customer=(\w+)'    # RE2; its first group is replaced, or the whole
//   replacement = "<customer>"    # default: "***"
#pragma once

#include "libcontrol/config/config_file.h"
#include "libcontrol/records/mask.h"

namespace muster::records {

// Of the table [logs]. Mistakes are told to it, each with its line and key.
MaskOptions readMaskOptions(ConfigTable& logs);

}  // namespace muster::records
