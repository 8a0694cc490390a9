#include "libcontrol/records/mask_config.h"

#include <utility>

namespace muster::records {

MaskOptions readMaskOptions(ConfigTable& logs) {
  MaskOptions options;
  options.without = logs.strings("mask_off");
  if (const auto made = Masker::make({{}, options.without}); !made) {
    logs.fail("mask_off", made.status().text());
  }
  for (ConfigTable& table : logs.tables("mask")) {
    MaskRule rule;
    rule.name = table.requiredString("name");
    rule.pattern = table.requiredString("pattern");
    rule.replacement = table.string("replacement", rule.replacement);
    // What is missing has been told already.
    if (rule.name.empty() || rule.pattern.empty()) continue;
    options.own.push_back(std::move(rule));
    if (const auto made = Masker::make({options.own, {}}); !made) {
      table.fail("pattern", made.status().text());
      options.own.pop_back();
    }
  }
  return options;
}

}  // namespace muster::records
