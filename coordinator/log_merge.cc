#include "coordinator/log_merge.h"

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "commands/log_chart.h"

namespace muster::coordinator {
namespace {

// One node's lines, as far as they have been taken.
struct Cursor {
  const NodeLines* lines;
  int next = 0;

  bool isDone() const { return next >= lines->reply.lines_size(); }
  const v1::LogLine& line() const { return lines->reply.lines(next); }
  // It has more than it gave.
  bool hasMore() const { return !lines->reply.older().empty(); }
};

class Merge {
 public:
  Merge(const std::vector<NodeLines>& nodes, size_t limit, bool oldest_first)
      : limit_(limit), oldest_first_(oldest_first) {
    for (const NodeLines& node : nodes) cursors_.push_back({&node});
  }

  // Whether all that was given has been taken.
  bool run(v1::ClusterLogsReply& out) {
    size_t matches = 0;
    while (Cursor* best = first()) {
      // The rest of it may belong before anything that others still have.
      if (waitsForMore()) return false;
      if (matches == limit_ && isMatch(best->line())) return false;
      if (isMatch(best->line())) ++matches;
      v1::NodeLogLine& line = *out.add_lines();
      line.set_node(best->lines->node);
      *line.mutable_line() = best->line();
      ++best->next;
      last_ = best;
    }
    return true;
  }

  const std::vector<Cursor>& cursors() const { return cursors_; }

 private:
  static bool isMatch(const v1::LogLine& line) {
    return line.match().empty() || line.match() == "*";
  }

  bool isBefore(const Cursor& a, const Cursor& b) const {
    const int64_t at_a = a.line().at_unix_ms();
    const int64_t at_b = b.line().at_unix_ms();
    if (at_a != at_b) return oldest_first_ ? at_a < at_b : at_a > at_b;
    return a.lines->node < b.lines->node;
  }

  Cursor* first() {
    // Lines around one that matches stay with it.
    if (last_ != nullptr && !last_->isDone() && !isMatch(last_->line())) return last_;
    Cursor* best = nullptr;
    for (Cursor& cursor : cursors_) {
      if (!cursor.isDone() && (best == nullptr || isBefore(cursor, *best))) best = &cursor;
    }
    return best;
  }

  bool waitsForMore() const {
    return std::any_of(cursors_.begin(), cursors_.end(), [](const Cursor& cursor) {
      return cursor.isDone() && cursor.hasMore() && cursor.lines->reply.lines_size() > 0;
    });
  }

  const size_t limit_;
  const bool oldest_first_;
  std::vector<Cursor> cursors_;
  Cursor* last_ = nullptr;
};

std::string placeOf(const LogPlaces& places, const std::string& node) {
  const auto found = places.find(node);
  return found == places.end() ? std::string() : found->second;
}

}  // namespace

MergedLines mergeLines(std::vector<NodeLines> nodes, size_t limit, bool oldest_first,
                       const LogPlaces& from) {
  MergedLines out;
  Merge merge(nodes, limit, oldest_first);
  bool more = !merge.run(out.reply);
  for (const Cursor& cursor : merge.cursors()) {
    const v1::LogsReply& reply = cursor.lines->reply;
    const std::string& node = cursor.lines->node;
    std::string place = placeOf(from, node);
    if (cursor.next > 0) place = reply.lines(cursor.next - 1).place();
    if (cursor.isDone() && cursor.hasMore()) place = reply.older();
    more = more || cursor.hasMore();
    if (oldest_first) {
      out.newer[node] = cursor.isDone() && !cursor.hasMore() ? reply.newer() : place;
    } else {
      out.older[node] = place;
      out.newer[node] = reply.newer();
    }
    // How far back all of them have been looked at.
    const std::string& looked = reply.looked_until();
    if (!looked.empty() &&
        (out.reply.looked_until().empty() || looked > out.reply.looked_until())) {
      out.reply.set_looked_until(looked);
    }
  }
  if (!more) out.older.clear();
  return out;
}

v1::ClusterTopErrorsReply mergeGroups(
    const std::vector<std::pair<std::string, v1::TopErrorsReply>>& nodes, size_t limit) {
  struct Merged {
    v1::LogGroup group;
    std::string nodes;
  };
  std::map<std::pair<std::string, std::string>, Merged> merged;
  v1::ClusterTopErrorsReply out;
  uint64_t kinds = 0;
  for (const auto& [node, reply] : nodes) {
    out.set_records(out.records() + reply.records());
    kinds = std::max(kinds, reply.kinds());
    if (reply.looked_until() > out.looked_until()) out.set_looked_until(reply.looked_until());
    for (const v1::LogGroup& group : reply.groups()) {
      auto [at, is_new] = merged.try_emplace({group.template_(), group.logger()});
      Merged& into = at->second;
      into.nodes += (into.nodes.empty() ? "" : ", ") + node;
      if (is_new) {
        into.group = group;
        continue;
      }
      v1::LogGroup& sum = into.group;
      sum.set_count(sum.count() + group.count());
      if (group.level() > sum.level()) sum.set_level(group.level());
      if (group.first_unix_ms() < sum.first_unix_ms()) {
        sum.set_first(group.first());
        sum.set_first_unix_ms(group.first_unix_ms());
      }
      if (group.last_unix_ms() > sum.last_unix_ms()) {
        sum.set_last(group.last());
        sum.set_last_unix_ms(group.last_unix_ms());
        sum.set_example(group.example());
      }
      for (int i = 0; i < std::min(sum.parts_size(), group.parts_size()); ++i) {
        sum.set_parts(i, sum.parts(i) + group.parts(i));
      }
    }
  }
  out.set_kinds(std::max<uint64_t>(kinds, merged.size()));
  std::vector<Merged*> order;
  for (auto& [key, each] : merged) order.push_back(&each);
  std::stable_sort(order.begin(), order.end(), [](const Merged* a, const Merged* b) {
    return a->group.count() > b->group.count();
  });
  if (order.size() > limit) order.resize(limit);
  for (Merged* each : order) {
    each->group.set_when(commands::chartOf(each->group.parts()));
    v1::NodeLogGroup& row = *out.add_groups();
    row.set_nodes(each->nodes);
    *row.mutable_group() = std::move(each->group);
  }
  return out;
}

}  // namespace muster::coordinator
