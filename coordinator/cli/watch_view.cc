#include "coordinator/cli/watch_view.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <utility>

#include "coordinator/cli/layout.h"
#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/catalogue.h"

namespace muster::cli {
namespace {

constexpr size_t kGap = 2;
// Title, keys.
constexpr size_t kFrameRows = 2;

const char* const kHelp[] = {
    "q            quit",
    "?            this help, and back",
    "Up Down j k  choose a node; scroll a page",
    "PgUp PgDn    the same by pages; Home, End",
    "Enter        open the node: what it is, its services, its loggers",
    "Esc, Left    back",
    "s            sort the nodes by the next column",
    "S            turn their order round",
    "r            ask at once (it asks every second)",
    "",
    "Levels: ok; no-data: nothing was counted; burning: the budget is spent",
    "too fast; breached: below the objective.",
};

std::string labelOf(const google::protobuf::EnumDescriptor& type, int number) {
  const auto* value = type.FindValueByNumber(number);
  return value == nullptr ? "?" : catalogue::enumLabel(*value);
}

Style styleOf(v1::LevelState state) {
  switch (state) {
    case v1::LEVEL_STATE_OK:
      return Style::kGood;
    case v1::LEVEL_STATE_BURNING:
      return Style::kWarn;
    case v1::LEVEL_STATE_BREACHED:
      return Style::kBad;
    default:
      return Style::kPlain;
  }
}

std::string levelText(const v1::Level& level) {
  if (level.has_percent()) return formatPercent(level.percent()) + "%";
  return labelOf(*v1::LevelState_descriptor(), level.state());
}

// Cells of one row, by the columns that the width allows.
struct Column {
  const char* label;
  size_t width;
  // The higher, the sooner it is left out on a narrow screen; 0 stays.
  int expendable;
};

class Grid {
 public:
  Grid(std::vector<Column> columns, size_t width) : columns_(std::move(columns)), width_(width) {
    while (total() > width_) {
      const auto most = std::max_element(columns_.begin(), columns_.end(),
                                         [&](auto& a, auto& b) { return weight(a) < weight(b); });
      if (weight(*most) == 0) break;
      most->width = 0;
    }
    // What is left over goes to the last column, which is text.
    if (total() < width_ && columns_.back().width > 0) columns_.back().width += width_ - total();
  }

  Line head(const std::string& marked) const {
    Line line;
    for (const Column& column : columns_) {
      if (column.width == 0) continue;
      const bool is_marked = asciiLower(column.label) == marked;
      line.push_back({padded(column.label + std::string(is_marked ? "*" : ""), column.width + kGap),
                      Style::kHead});
    }
    return trimmed(std::move(line));
  }

  Line row(std::vector<Span> cells) const {
    Line line;
    for (size_t i = 0; i < cells.size(); ++i) {
      if (columns_[i].width == 0) continue;
      if (cells[i].text.empty()) cells[i].text = "-";
      line.push_back({padded(clipped(cells[i].text, columns_[i].width), columns_[i].width + kGap),
                      cells[i].style});
    }
    return trimmed(std::move(line));
  }

 private:
  // After the last column there is no gap.
  static Line trimmed(Line line) {
    if (!line.empty()) line.back().text.resize(line.back().text.size() - kGap);
    return line;
  }
  static int weight(const Column& column) { return column.width == 0 ? 0 : column.expendable; }
  size_t total() const {
    size_t sum = 0;
    for (const Column& column : columns_) sum += column.width == 0 ? 0 : column.width + kGap;
    return sum == 0 ? 0 : sum - kGap;
  }

  std::vector<Column> columns_;
  const size_t width_;
};

// Whole seconds since 1970 of a time as the coordinator writes it: RFC 3339, UTC.
std::optional<int64_t> secondsOf(const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  const int read = std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d", &year, &month, &day, &hour,
                               &minute, &second);
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (read != 6 || !text.ends_with('Z') || !date.ok()) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

// The width of a column that holds these texts, within bounds.
template <typename Rows, typename TextOf>
size_t widest(const Rows& rows, size_t least, size_t most, TextOf of) {
  size_t width = least;
  for (const auto& row : rows) width = std::max(width, displayWidth(of(row)));
  return std::min(width, most);
}

class Page {
 public:
  Page(const WatchModel& model, ScreenSize size, WallTime now)
      : model_(model), size_(size), now_(now), room_(roomFor(model, size)) {}

  std::vector<Line> lines() {
    addTitle();
    switch (model_.page()) {
      case WatchPage::kOverview:
        addGroups();
        addNodes();
        addEvents();
        break;
      case WatchPage::kNode:
        addDetail();
        break;
      case WatchPage::kHelp:
        for (const char* text : kHelp) out_.push_back({{text, Style::kPlain}});
        break;
    }
    const size_t body = size_.rows == 0 ? 0 : size_.rows - 1;
    out_.resize(body);
    if (size_.rows > 0) out_.push_back({{keys(), Style::kDim}});
    for (Line& line : out_) cut(line);
    return std::move(out_);
  }

 private:
  void addTitle() {
    Line line = {{"muster watch  ", Style::kHead}};
    if (model_.isUp()) {
      line.push_back({model_.coordinator(), Style::kPlain});
      if (model_.status() && size_.columns >= 60) {
        const v1::Level& overall = model_.status()->overall();
        line.push_back({"  " + overall.text(), styleOf(overall.state())});
      }
    } else {
      const std::string since =
          model_.since().empty() ? "" : " for " + ageText(model_.since(), now_);
      line.push_back({"NOT CONNECTED" + since + ": " + model_.downReason(), Style::kBad});
    }
    out_.push_back(std::move(line));
  }

  void addGroups() {
    if (!model_.status()) {
      out_.push_back({{model_.isUp() ? "asking ..." : "", Style::kDim}});
      return;
    }
    const auto& groups = model_.status()->groups();
    const auto name = [](const v1::GroupStatus& group) { return group.name(); };
    const auto active = [](const v1::GroupStatus& group) { return group.active(); };
    const Grid grid({{"Group", widest(groups, 5, 20, name), 0},
                     {"Active", widest(groups, 6, 20, active), 0},
                     {"Epoch", 6, 4},
                     {"Level", 8, 0},
                     {"Phase", 8, 3},
                     {"There", 7, 2},
                     {"Note", 12, 5}},
                    size_.columns);
    out_.push_back(grid.head(""));
    size_t shown = 0;
    for (const v1::GroupStatus& group : groups) {
      if (shown++ == room_.groups) break;
      const bool vacant = group.active().empty();
      out_.push_back(
          shade(grid.row({{group.name(), Style::kPlain},
                          {vacant ? "none" : group.active(), vacant ? Style::kBad : Style::kGood},
                          {std::to_string(group.epoch()), Style::kPlain},
                          {levelText(group.level()), styleOf(group.level().state())},
                          {labelOf(*v1::Phase_descriptor(), group.phase()), Style::kPlain},
                          {std::to_string(group.present()) + "/" + std::to_string(group.members()),
                           group.present() < group.members() ? Style::kWarn : Style::kPlain},
                          {group.note(), Style::kWarn}})));
    }
    addMore(static_cast<size_t>(model_.status()->groups_size()), room_.groups);
    out_.push_back({});
  }

  void addMore(size_t all, size_t shown) {
    if (all > shown) {
      out_.push_back({{"  and " + std::to_string(all - shown) + " more", Style::kDim}});
    }
  }

  Grid nodeGrid() const {
    const auto name = [](const v1::NodeState& node) { return node.name(); };
    const auto group = [](const v1::NodeState& node) { return node.group(); };
    const auto version = [](const v1::NodeState& node) { return node.version(); };
    return Grid({{"Name", widest(model_.nodes(), 5, 24, name) + 1, 0},
                 {"Group", widest(model_.nodes(), 5, 16, group) + 1, 2},
                 {"Role", 9, 0},
                 {"Level", 9, 0},
                 {"Since", 6, 3},
                 {"Version", widest(model_.nodes(), 7, 16, version), 4},
                 {"In words", 20, 5}},
                size_.columns);
  }

  void addNodes() {
    if (!model_.hasNodes()) return;
    const Grid grid = nodeGrid();
    out_.push_back(grid.head(sortName(model_.sort())));
    const auto& nodes = model_.nodes();
    const size_t end = std::min(nodes.size(), model_.firstNode() + room_.nodes);
    for (size_t i = model_.firstNode(); i < end; ++i) {
      const v1::NodeState& node = nodes[i];
      const bool active = node.role() == v1::NODE_ROLE_ACTIVE;
      const Style role = !node.present()                         ? Style::kBad
                         : active                                ? Style::kGood
                         : node.role() == v1::NODE_ROLE_DRAINING ? Style::kWarn
                                                                 : Style::kPlain;
      Line line = grid.row(
          {{node.name(), Style::kPlain},
           {node.group(), Style::kPlain},
           {node.present() ? labelOf(*v1::NodeRole_descriptor(), node.role()) : "absent", role},
           {node.present() ? levelText(node.level()) : "-",
            node.present() ? styleOf(node.level().state()) : Style::kDim},
           {ageText(node.since(), now_), Style::kPlain},
           {node.version(), Style::kPlain},
           {node.level().text(), Style::kPlain}});
      if (i == model_.selected()) {
        for (Span& span : line) span.style = Style::kSelected;
      }
      out_.push_back(shade(std::move(line)));
    }
    addMore(nodes.size(), std::max(room_.nodes, end - model_.firstNode()));
    out_.push_back({});
  }

  void addEvents() {
    if (room_.events == 0 || !model_.hasNodes()) return;
    out_.push_back({{"Last events", Style::kHead}});
    size_t shown = 0;
    for (const WatchEvent& event : model_.events()) {
      if (shown++ == room_.events) break;
      out_.push_back(
          {{padded(ageText(event.at, now_), 6), Style::kDim}, {event.text, Style::kPlain}});
    }
    if (shown == 0) out_.push_back({{"none so far", Style::kDim}});
  }

  void addDetail() {
    out_.push_back({{"Node " + model_.openNode(), Style::kHead}});
    if (model_.openJid().empty()) {
      out_.push_back({{"It is not there.", Style::kBad}});
    } else if (model_.detail().empty()) {
      out_.push_back({{"asking ...", Style::kDim}});
    }
    const auto& lines = model_.detail();
    for (size_t i = model_.firstLine(); i < lines.size() && i < model_.firstLine() + room_.page;
         ++i) {
      out_.push_back({{lines[i], model_.isUp() ? Style::kPlain : Style::kDim}});
    }
  }

  // What is shown while nobody answers is old.
  Line shade(Line line) const {
    if (model_.isUp()) return line;
    for (Span& span : line) {
      if (span.style != Style::kSelected) span.style = Style::kDim;
    }
    return line;
  }

  std::string keys() const {
    switch (model_.page()) {
      case WatchPage::kOverview:
        return std::string("q quit  ? help  s sort: ") + sortName(model_.sort()) +
               (model_.isReversed() ? " (turned)" : "") + "  Enter open";
      case WatchPage::kNode:
        return "q quit  ? help  Esc back  arrows scroll";
      case WatchPage::kHelp:
        return "q quit  ? back";
    }
    return "";
  }

  void cut(Line& line) const {
    size_t left = size_.columns;
    for (Span& span : line) {
      span.text = left == 0 ? "" : clipped(span.text, left);
      left -= std::min(left, displayWidth(span.text));
    }
    while (!line.empty() && line.back().text.empty()) line.pop_back();
  }

  const WatchModel& model_;
  const ScreenSize size_;
  const WallTime now_;
  const Room room_;
  std::vector<Line> out_;
};

}  // namespace

Room roomFor(const WatchModel& model, ScreenSize size) {
  Room room;
  if (size.rows <= kFrameRows) return room;
  size_t left = size.rows - kFrameRows;
  // The node's name above its page.
  room.page = left > 1 ? left - 1 : 0;
  const size_t groups = model.status() ? static_cast<size_t>(model.status()->groups_size()) : 0;
  const size_t nodes = model.nodes().size();
  const auto take = [&left](size_t want) {
    const size_t got = std::min(want, left);
    left -= got;
    return got;
  };
  // Heads, empty lines, and "and 3 more" of groups and nodes; then at least three lines of nodes
  // and two of events.
  take(6);
  const size_t least_nodes = take(std::min<size_t>(nodes, 3));
  const size_t least_events = take(left >= 3 ? 3 : 0);
  room.groups = take(std::min(groups, std::max<size_t>(left / 2, 1)));
  room.nodes = least_nodes + take(std::min(nodes - least_nodes, left));
  room.groups += take(std::min(groups - room.groups, left));
  room.events = (least_events > 0 ? least_events - 1 : 0) + left;
  return room;
}

std::vector<Line> watchLines(const WatchModel& model, ScreenSize size, WallTime now) {
  return Page(model, size, now).lines();
}

std::string plainText(const Line& line) {
  std::string out;
  for (const Span& span : line) out += span.text;
  return out;
}

std::string ageText(const std::string& rfc3339, WallTime now) {
  const auto then = secondsOf(rfc3339);
  if (!then) return "-";
  const int64_t seconds = std::max<int64_t>(0, now.unix_ms / 1000 - *then);
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 7200) return std::to_string(seconds / 60) + "m";
  if (seconds < 172'800) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86'400) + "d";
}

}  // namespace muster::cli
