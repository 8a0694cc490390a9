#include "libcontrol/node/logs_config.h"

#include <string>

#include "libcontrol/archive/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/records/mask_config.h"
#include "libcontrol/rules/rule.h"

namespace muster {
namespace {

// `bytes` and `age`: of all levels together, and of those that say nothing.
LogRetention readRetention(ConfigTable& logs, const std::string& name, uint64_t bytes,
                           Duration age) {
  LogRetention out;
  ConfigTable table = logs.table(name);
  if (table.isPresent()) {
    out.max_bytes = table.size("max_size", 0, limits::kMinKeptLogBytes, bytes);
    age = table.duration("max_age", age, limits::kMinKeptLogAge, limits::kMaxKeptLogAge);
  }
  out.max_age = std::chrono::seconds(age.toMillis() / 1000);
  return out;
}

}  // namespace

LogOptions readLogOptions(ConfigTable logs, const std::filesystem::path& state_dir) {
  LogOptions out;
  if (!logs.isPresent()) return out;
  out.keep = true;
  out.folder = logs.path("folder");
  if (out.folder.empty()) out.folder = state_dir / "logs";
  out.max_bytes =
      logs.size("max_size", out.max_bytes, limits::kMinArchiveBytes, limits::kMaxKeptLogBytes);
  const Duration age =
      logs.duration("max_age", Duration{}, limits::kMinKeptLogAge, limits::kMaxKeptLogAge);
  for (size_t level = 0; level < out.retention.size(); ++level) {
    const char* const name = rules::severityName(static_cast<rules::Severity>(level));
    out.retention[level] = readRetention(logs, name, out.max_bytes, age);
  }
  const records::MaskOptions masks = records::readMaskOptions(logs);
  for (const records::MaskRule& rule : masks.own) {
    out.masks.push_back({rule.name, rule.pattern, rule.replacement});
  }
  out.mask_off = masks.without;
  return out;
}

}  // namespace muster
