#include "coordinator/cli/watch_model.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/catalogue.h"

namespace muster::cli {
namespace {

constexpr size_t kMaxEventBytes = 512;

std::string roleText(const v1::NodeState& node) {
  if (!node.present()) return "absent";
  return catalogue::enumLabel(*v1::NodeRole_descriptor()->FindValueByNumber(node.role()));
}

std::string levelText(const v1::NodeState& node) {
  return catalogue::enumLabel(
      *v1::LevelState_descriptor()->FindValueByNumber(node.level().state()));
}

// Worse first where levels are compared; without a number a node is judged by its state alone.
std::tuple<int, double> levelOrder(const v1::NodeState& node) {
  return {-static_cast<int>(node.level().state()),
          node.level().has_percent() ? node.level().percent() : 101.0};
}

int roleOrder(const v1::NodeState& node) {
  if (!node.present()) return 9;
  return node.role() == v1::NODE_ROLE_ACTIVE     ? 0
         : node.role() == v1::NODE_ROLE_DRAINING ? 1
         : node.role() == v1::NODE_ROLE_STANDBY  ? 2
                                                 : 3;
}

}  // namespace

const char* sortName(NodeSort sort) {
  switch (sort) {
    case NodeSort::kName:
      return "name";
    case NodeSort::kGroup:
      return "group";
    case NodeSort::kRole:
      return "role";
    case NodeSort::kLevel:
      return "level";
    case NodeSort::kSince:
      return "since";
  }
  return "name";
}

void WatchModel::setUp(WallTime now) {
  if (up_) return;
  up_ = true;
  down_reason_.clear();
  since_ = toRfc3339(now);
}

void WatchModel::setDown(const std::string& why, WallTime now) {
  down_reason_ = singleLine(why, kMaxEventBytes);
  if (!up_ && !since_.empty()) return;
  up_ = false;
  since_ = toRfc3339(now);
}

void WatchModel::takeStatus(const v1::StatusReply& reply, WallTime now) {
  setUp(now);
  status_ = reply;
}

void WatchModel::takeNodes(const v1::NodesReply& reply, WallTime now) {
  setUp(now);
  std::map<std::string, v1::NodeState> before;
  for (v1::NodeState& node : nodes_) before[node.name()] = std::move(node);
  nodes_.assign(reply.nodes().begin(), reply.nodes().end());
  sortNodes();
  for (const v1::NodeState& node : nodes_) {
    const auto known = before.find(node.name());
    if (known != before.end()) {
      compare(known->second, node, now);
      before.erase(known);
    } else if (has_nodes_) {
      addEvent(node.name() + " is a new member", now);
    }
  }
  for (const auto& [name, node] : before) addEvent(name + " is no member any more", now);
  has_nodes_ = true;
  keepInView();
}

void WatchModel::compare(const v1::NodeState& before, const v1::NodeState& after, WallTime now) {
  if (before.present() != after.present()) {
    addEvent(after.name() + (after.present() ? " is there, as " + roleText(after) : " has gone"),
             now);
  } else if (before.role() != after.role()) {
    addEvent(after.name() + ": " + roleText(before) + " -> " + roleText(after), now);
  }
  if (after.present() && before.present() && before.level().state() != after.level().state()) {
    addEvent(after.name() + ": level " + levelText(before) + " -> " + levelText(after), now);
  }
}

void WatchModel::addEvent(const std::string& text, WallTime now) {
  if (has_history_) return;
  events_.push_front({toRfc3339(now), singleLine(text, kMaxEventBytes)});
  if (events_.size() > kMaxWatchEvents) events_.pop_back();
}

void WatchModel::takeHistory(const catalogue::ReplyView& view) {
  has_history_ = true;
  events_.clear();
  if (view.tables.empty()) return;
  const catalogue::ReplyView::Table& table = view.tables[0];
  for (const auto& row : table.rows) {
    if (events_.size() == kMaxWatchEvents) break;
    WatchEvent event;
    for (size_t i = 0; i < row.size() && i < table.columns.size(); ++i) {
      const std::string& name = table.columns[i].name;
      if (row[i].empty() || name == "seq") continue;
      if (name == "at") {
        event.at = row[i];
        continue;
      }
      const bool arrow = name == "to" && !event.text.empty();
      const std::string mark = name == "epoch" ? "epoch " : name == "who" ? "by " : "";
      event.text += (event.text.empty() ? "" : arrow ? " -> " : "  ") + mark + row[i];
    }
    event.text = singleLine(event.text, kMaxEventBytes);
    events_.push_back(std::move(event));
  }
}

void WatchModel::takeDetail(const std::string& node, std::vector<std::string> lines) {
  if (node != open_node_) return;
  detail_ = std::move(lines);
  first_line_ = std::min(first_line_, detail_.empty() ? 0 : detail_.size() - 1);
}

void WatchModel::sortNodes() {
  const auto less = [this](const v1::NodeState& a, const v1::NodeState& b) {
    switch (sort_) {
      case NodeSort::kName:
        break;
      case NodeSort::kGroup:
        if (a.group() != b.group()) return a.group() < b.group();
        break;
      case NodeSort::kRole:
        if (roleOrder(a) != roleOrder(b)) return roleOrder(a) < roleOrder(b);
        break;
      case NodeSort::kLevel:
        if (levelOrder(a) != levelOrder(b)) return levelOrder(a) < levelOrder(b);
        break;
      case NodeSort::kSince:
        // What changed last is what one looks for.
        if (a.since() != b.since()) return a.since() > b.since();
        break;
    }
    return a.name() < b.name();
  };
  std::stable_sort(nodes_.begin(), nodes_.end(), less);
  if (reversed_) std::reverse(nodes_.begin(), nodes_.end());
}

size_t WatchModel::selected() const {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].name() == selected_name_) return i;
  }
  return 0;
}

std::string WatchModel::openJid() const {
  for (const v1::NodeState& node : nodes_) {
    if (node.name() == open_node_ && node.present()) return node.jid();
  }
  return "";
}

void WatchModel::setRoom(size_t node_rows, size_t page_lines) {
  node_rows_ = std::max<size_t>(node_rows, 1);
  page_lines_ = std::max<size_t>(page_lines, 1);
  keepInView();
}

void WatchModel::keepInView() {
  const size_t at = selected();
  if (at < first_node_) first_node_ = at;
  if (at >= first_node_ + node_rows_) first_node_ = at - node_rows_ + 1;
  const size_t last = nodes_.size() > node_rows_ ? nodes_.size() - node_rows_ : 0;
  first_node_ = std::min(first_node_, last);
}

void WatchModel::move(long by) {
  const auto moved = [by](size_t from, size_t count) {
    const long last = count == 0 ? 0 : static_cast<long>(count) - 1;
    return static_cast<size_t>(std::clamp(static_cast<long>(from) + by, 0L, last));
  };
  if (page_ == WatchPage::kOverview) {
    if (nodes_.empty()) return;
    selected_name_ = nodes_[moved(selected(), nodes_.size())].name();
    keepInView();
  } else {
    const size_t last = detail_.size() > page_lines_ ? detail_.size() - page_lines_ + 1 : 1;
    first_line_ = moved(first_line_, last);
  }
}

void WatchModel::press(WatchKey key) {
  const long page = static_cast<long>(page_ == WatchPage::kOverview ? node_rows_ : page_lines_);
  constexpr long kAll = 1'000'000;
  switch (key) {
    case WatchKey::kUp:
      return move(-1);
    case WatchKey::kDown:
      return move(1);
    case WatchKey::kPageUp:
      return move(-page);
    case WatchKey::kPageDown:
      return move(page);
    case WatchKey::kHome:
      return move(-kAll);
    case WatchKey::kEnd:
      return move(kAll);
    case WatchKey::kOpen:
      if (page_ != WatchPage::kOverview || nodes_.empty()) return;
      open_node_ = nodes_[selected()].name();
      selected_name_ = open_node_;
      detail_.clear();
      first_line_ = 0;
      page_ = WatchPage::kNode;
      return;
    case WatchKey::kBack:
      page_ = page_ == WatchPage::kHelp ? before_help_ : WatchPage::kOverview;
      return;
    case WatchKey::kSort:
      sort_ = static_cast<NodeSort>((static_cast<int>(sort_) + 1) % kNodeSorts);
      sortNodes();
      return keepInView();
    case WatchKey::kReverse:
      reversed_ = !reversed_;
      sortNodes();
      return keepInView();
    case WatchKey::kHelp:
      if (page_ == WatchPage::kHelp) {
        page_ = before_help_;
      } else {
        before_help_ = page_;
        page_ = WatchPage::kHelp;
      }
      return;
  }
}

}  // namespace muster::cli
