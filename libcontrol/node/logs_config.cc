#include "libcontrol/node/logs_config.h"

#include <string>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/records/mask_config.h"

namespace muster {
namespace {

LogRetention readRetention(ConfigTable& logs, const std::string& name, uint64_t all) {
  LogRetention out;
  ConfigTable table = logs.table(name);
  if (!table.isPresent()) return out;
  out.max_bytes = table.size("max_size", 0, limits::kMinKeptLogBytes, all);
  const Duration age =
      table.duration("max_age", Duration{}, limits::kMinKeptLogAge, limits::kMaxKeptLogAge);
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
      logs.size("max_size", out.max_bytes, 3 * limits::kMinKeptLogBytes, limits::kMaxKeptLogBytes);
  const Duration age =
      logs.duration("max_age", Duration{}, limits::kMinKeptLogAge, limits::kMaxKeptLogAge);
  out.debug = readRetention(logs, "debug", out.max_bytes);
  out.info = readRetention(logs, "info", out.max_bytes);
  out.warn = readRetention(logs, "warn", out.max_bytes);
  for (LogRetention* each : {&out.debug, &out.info, &out.warn}) {
    if (each->max_age.count() == 0) each->max_age = std::chrono::seconds(age.toMillis() / 1000);
  }
  const records::MaskOptions masks = records::readMaskOptions(logs);
  for (const records::MaskRule& rule : masks.own) {
    out.masks.push_back({rule.name, rule.pattern, rule.replacement});
  }
  out.mask_off = masks.without;
  return out;
}

}  // namespace muster
