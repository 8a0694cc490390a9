#include "libcontrol/store/level_overrides.h"

#include <nlohmann/json.hpp>

#include "libcontrol/base/file.h"
#include "libcontrol/base/limits.h"

namespace muster::store {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;
// Of one row: two names and a few numbers.
constexpr size_t kMaxRowBytes = 8 * 1024;
constexpr int kLevels = 7;

void put(json& out, const char* key, const std::optional<int>& level) {
  if (level) out[key] = *level;
}

json toJson(const LevelOverrideRow& row) {
  json out = {{"logger", row.logger}, {"level", row.level}, {"by", row.by}, {"ending", row.ending}};
  put(out, "had", row.had);
  put(out, "was", row.was);
  put(out, "seen_configured", row.seen_configured);
  put(out, "seen_effective", row.seen_effective);
  if (row.until) out["until_ms"] = row.until->unix_ms;
  return out;
}

// Throws json::exception for what is missing or of another type.
std::optional<int> levelIn(const json& row, const char* key) {
  if (!row.contains(key)) return std::nullopt;
  const int level = row.at(key).get<int>();
  if (level < 0 || level >= kLevels) {
    throw json::other_error::create(500, std::string("no such level in ") + key, &row);
  }
  return level;
}

LevelOverrideRow fromJson(const json& in) {
  LevelOverrideRow row;
  row.logger = in.at("logger").get<std::string>();
  (void)in.at("level");
  row.level = *levelIn(in, "level");
  row.by = in.at("by").get<std::string>();
  row.ending = in.at("ending").get<bool>();
  row.had = levelIn(in, "had");
  row.was = levelIn(in, "was");
  row.seen_configured = levelIn(in, "seen_configured");
  row.seen_effective = levelIn(in, "seen_effective");
  if (in.contains("until_ms")) row.until = WallTime{in.at("until_ms").get<int64_t>()};
  return row;
}

}  // namespace

Result<std::vector<LevelOverrideRow>> LevelOverrideFile::load() {
  const auto text = readFile(file_, limits::kMaxOverrides * kMaxRowBytes);
  if (!text) {
    if (text.status().code() == Code::kNotFound) return std::vector<LevelOverrideRow>();
    return Status(Code::kDataLoss, text.status().text());
  }
  try {
    const json all = json::parse(*text);
    if (all.at("version").get<int>() != kVersion) {
      return Status(Code::kDataLoss, file_.string() + " is of a version that isn't known here");
    }
    std::vector<LevelOverrideRow> rows;
    for (const json& row : all.at("overrides")) rows.push_back(fromJson(row));
    if (rows.size() <= limits::kMaxOverrides) return rows;
    return Status(Code::kDataLoss, file_.string() + " has more overrides than there can be");
  } catch (const json::exception& error) {
    return Status(Code::kDataLoss, file_.string() + " is damaged: " + error.what());
  }
}

Status LevelOverrideFile::save(const std::vector<LevelOverrideRow>& rows) {
  json all = {{"version", kVersion}, {"overrides", json::array()}};
  for (const LevelOverrideRow& row : rows) all["overrides"].push_back(toJson(row));
  return replaceFile(file_, all.dump(1, ' ', false, json::error_handler_t::replace) + "\n");
}

}  // namespace muster::store
