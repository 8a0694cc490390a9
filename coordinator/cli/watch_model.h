// What `muster watch` knows and where in it the person is. Pure: time and answers are passed in.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/catalogue/reply_view.h"
#include "muster/cluster.pb.h"

namespace muster::cli {

enum class WatchPage { kOverview, kNode, kHelp };
enum class NodeSort { kName, kGroup, kRole, kLevel, kSince };
inline constexpr int kNodeSorts = 5;
const char* sortName(NodeSort sort);

enum class WatchKey {
  kUp,
  kDown,
  kPageUp,
  kPageDown,
  kHome,
  kEnd,
  kOpen,
  kBack,
  kSort,
  kReverse,
  kHelp
};

// The last things that happened, newest first; more are in the history command.
inline constexpr size_t kMaxWatchEvents = 200;

struct WatchEvent {
  std::string at;    // RFC 3339, UTC
  std::string text;  // one line
  bool operator==(const WatchEvent&) const = default;
};

// One thread. Answers come in through take...(), keys through press(); the view reads the rest.
class WatchModel {
 public:
  explicit WatchModel(std::string coordinator) : coordinator_(std::move(coordinator)) {}

  // --- the connection ---
  void setUp(WallTime now);
  // Down, or the coordinator does not answer; what is known stays, and is shown as old.
  void setDown(const std::string& why, WallTime now);

  // --- answers ---
  void takeStatus(const v1::StatusReply& reply, WallTime now);
  // What differs from the last answer becomes events, unless there is a history to ask for.
  void takeNodes(const v1::NodesReply& reply, WallTime now);
  // The answer of the command `history`: its first table, newest first.
  void takeHistory(const catalogue::ReplyView& view);
  // The lines of an opened node's page; ignored if another one was opened meanwhile.
  void takeDetail(const std::string& node, std::vector<std::string> lines);

  // --- the person ---
  void press(WatchKey key);
  // How many rows of nodes and how many lines of a page the screen shows; for scrolling.
  void setRoom(size_t node_rows, size_t page_lines);

  // --- for the view ---
  const std::string& coordinator() const { return coordinator_; }
  bool isUp() const { return up_; }
  const std::string& downReason() const { return down_reason_; }
  const std::string& since() const { return since_; }  // of isUp(), RFC 3339
  const std::optional<v1::StatusReply>& status() const { return status_; }
  // In the order of the sort.
  const std::vector<v1::NodeState>& nodes() const { return nodes_; }
  bool hasNodes() const { return has_nodes_; }
  const std::deque<WatchEvent>& events() const { return events_; }
  WatchPage page() const { return page_; }
  NodeSort sort() const { return sort_; }
  bool isReversed() const { return reversed_; }
  size_t selected() const;  // an index of nodes()
  size_t firstNode() const { return first_node_; }
  const std::string& openNode() const { return open_node_; }
  std::string openJid() const;  // full while it is present, else empty
  const std::vector<std::string>& detail() const { return detail_; }
  size_t firstLine() const { return first_line_; }

 private:
  void addEvent(const std::string& text, WallTime now);
  void compare(const v1::NodeState& before, const v1::NodeState& after, WallTime now);
  void sortNodes();
  void move(long by);
  void keepInView();

  const std::string coordinator_;
  bool up_ = false;
  std::string down_reason_ = "connecting";
  std::string since_;
  std::optional<v1::StatusReply> status_;
  std::vector<v1::NodeState> nodes_;
  bool has_nodes_ = false;
  bool has_history_ = false;
  std::deque<WatchEvent> events_;
  WatchPage page_ = WatchPage::kOverview;
  WatchPage before_help_ = WatchPage::kOverview;
  NodeSort sort_ = NodeSort::kName;
  bool reversed_ = false;
  std::string selected_name_;
  size_t first_node_ = 0;
  size_t node_rows_ = 10;
  size_t page_lines_ = 20;
  std::string open_node_;
  std::vector<std::string> detail_;
  size_t first_line_ = 0;
};

}  // namespace muster::cli
