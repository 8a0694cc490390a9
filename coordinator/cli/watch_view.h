// The pages of `muster watch` as lines of styled text. Pure: the same model, size and time give the
// same lines; ncurses only paints them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "coordinator/cli/watch_model.h"
#include "libcontrol/base/clock.h"

namespace muster::cli {

enum class Style { kPlain, kHead, kGood, kWarn, kBad, kDim, kSelected };

struct Span {
  std::string text;
  Style style = Style::kPlain;
  bool operator==(const Span&) const = default;
};
using Line = std::vector<Span>;

struct ScreenSize {
  size_t rows = 24;
  size_t columns = 80;
};

// What fits into a screen of that size, at most: rows of nodes on the overview, lines of a page.
struct Room {
  size_t groups = 0;
  size_t nodes = 0;
  size_t events = 0;
  size_t page = 0;
};
Room roomFor(const WatchModel& model, ScreenSize size);

// Exactly size.rows lines, none wider than size.columns.
std::vector<Line> watchLines(const WatchModel& model, ScreenSize size, WallTime now);

// A line's text without its styles.
std::string plainText(const Line& line);

// "3s", "12m", "5h", "2d": from then to now; "-" if the time can't be read.
std::string ageText(const std::string& rfc3339, WallTime now);

}  // namespace muster::cli
