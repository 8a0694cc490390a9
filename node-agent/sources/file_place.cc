#include "node-agent/sources/file_place.h"

#include <algorithm>
#include <charconv>

#include "node-agent/limits.h"

namespace muster::agent {
namespace {

template <typename Number>
bool takeNumber(std::string_view& text, Number& out) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

}  // namespace

std::string writePlaces(const std::vector<FilePlace>& places) {
  const size_t first = places.size() - std::min(places.size(), limits::kMaxPlaceFiles);
  std::string out;
  for (size_t i = first; i < places.size(); ++i) {
    const FilePlace& place = places[i];
    if (!out.empty()) out += ';';
    out += std::to_string(place.id.device) + ' ' + std::to_string(place.id.inode) + ' ' +
           std::to_string(place.head_bytes) + ' ' + std::to_string(place.head_hash) + ' ' +
           std::to_string(place.offset) + ' ' + std::to_string(place.changed_ns);
  }
  return out;
}

std::vector<FilePlace> readPlaces(std::string_view text) {
  std::vector<FilePlace> out;
  while (!text.empty() && out.size() < limits::kMaxPlaceFiles) {
    const size_t end = std::min(text.find(';'), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    FilePlace place;
    const bool is_whole = takeNumber(part, place.id.device) && takeNumber(part, place.id.inode) &&
                          takeNumber(part, place.head_bytes) && takeNumber(part, place.head_hash) &&
                          takeNumber(part, place.offset) && takeNumber(part, place.changed_ns) &&
                          part.empty() && place.head_bytes <= kHeadBytes;
    if (is_whole) out.push_back(place);
  }
  return out;
}

}  // namespace muster::agent
