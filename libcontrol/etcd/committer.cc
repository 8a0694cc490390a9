#include "libcontrol/etcd/committer.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

namespace muster::etcd {
namespace {

using nlohmann::json;

// etcd takes 128 steps and 1.5 MiB in one transaction, unless it is told otherwise; some are ours.
constexpr size_t kMaxOps = 100;
constexpr size_t kMaxBytes = 768 * 1024;
constexpr Duration kCallTimeout = Duration::seconds(1);
constexpr Duration kListTimeout = Duration::seconds(10);
constexpr auto kAgain = std::chrono::milliseconds(20);

constexpr char kRows[] = "rows/";
constexpr char kCommit[] = "commit";
constexpr char kIntent[] = "intent";

size_t bytesOf(const Changes::value_type& change) {
  return change.first.size() + change.second.value_or("").size();
}

// In parts, each of which fits into a transaction, in order.
std::vector<Changes> inParts(const Changes& changes) {
  std::vector<Changes> parts(1);
  size_t bytes = 0;
  for (const auto& change : changes) {
    if (parts.back().size() >= kMaxOps || (bytes > 0 && bytes + bytesOf(change) > kMaxBytes)) {
      parts.emplace_back();
      bytes = 0;
    }
    bytes += bytesOf(change);
    parts.back().insert(change);
  }
  return parts;
}

std::string write(const Changes& changes) {
  json out = json::array();
  for (const auto& [key, value] : changes) {
    out.push_back({key, value ? json(*value) : json(nullptr)});
  }
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<Changes> readChanges(const std::string& text) {
  const json in = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!in.is_array()) return std::nullopt;
  Changes out;
  for (const json& each : in) {
    if (!each.is_array() || each.size() != 2 || !each[0].is_string()) return std::nullopt;
    std::optional<std::string>& value = out[each[0].get<std::string>()];
    if (each[1].is_string()) value = each[1].get<std::string>();
  }
  return out;
}

std::optional<uint64_t> number(const std::string& text) {
  uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Op Committer::opFor(const Changes::value_type& change) const {
  const std::string name = key(kRows + change.first);
  return change.second ? Op::put(name, *change.second) : Op::erase(name);
}

Result<std::map<std::string, std::string>> Committer::read() {
  if (Status s = confirm(); !s) return s;
  auto listed = parts_.client.list(parts_.prefix, kListTimeout);
  if (!listed) return listed.status();
  std::map<std::string, std::string> rows;
  std::map<std::string, std::string> others;
  for (KeyValue& kv : *listed) {
    const std::string name = kv.key.substr(parts_.prefix.size());
    if (name.starts_with(kRows)) {
      rows[name.substr(sizeof kRows - 1)] = std::move(kv.value);
    } else {
      others[name] = std::move(kv.value);
    }
  }
  if (const auto commits = others.find(kCommit); commits != others.end()) {
    const auto count = number(commits->second);
    if (!count) return Status(Code::kDataLoss, "etcd: " + key(kCommit) + " is no number");
    commits_ = *count;
  }
  const auto intent = others.find(kIntent);
  if (intent == others.end()) {
    // Parts of what never was one: their number comes again.
    const auto part = others.lower_bound(kIntent + std::string("/"));
    const bool left = part != others.end() && part->first.starts_with(kIntent);
    const Status cleared = left ? counted({Op::erasePrefix(key(kIntent) + "/")}) : Status::ok();
    return cleared ? Result(std::move(rows)) : cleared;
  }
  Changes begun;
  const std::string chunks = kIntent + ("/" + intent->second) + "/";
  for (const auto& [name, value] : others) {
    if (!name.starts_with(chunks)) continue;
    auto part = readChanges(value);
    if (!part) return Status(Code::kDataLoss, "etcd: " + key(name) + " can't be read");
    begun.merge(*part);
  }
  for (const auto& [row, value] : begun) {
    if (value) {
      rows[row] = *value;
    } else {
      rows.erase(row);
    }
  }
  if (Status s = putInPlace(begun); !s) return s;
  return rows;
}

Status Committer::commit(const Changes& changes) {
  size_t bytes = 0;
  for (const auto& change : changes) bytes += bytesOf(change);
  return changes.size() <= kMaxOps && bytes <= kMaxBytes ? commitAtOnce(changes)
                                                         : commitByIntent(changes);
}

Status Committer::commitAtOnce(const Changes& changes) {
  std::vector<Op> ops;
  for (const auto& change : changes) ops.push_back(opFor(change));
  return counted(std::move(ops));
}

Status Committer::commitByIntent(const Changes& changes) {
  // By its number, so that a late copy of a part is never taken for one of another commit.
  const std::string id = std::to_string(commits_ + 1);
  size_t part_number = 0;
  for (const Changes& part : inParts(changes)) {
    const std::string name = kIntent + ("/" + id) + "/" + std::to_string(part_number++);
    Transaction put;
    put.expects = {{parts_.term.leader_key, parts_.term.create_revision, std::nullopt}};
    put.then = {Op::put(key(name), write(part))};
    put.otherwise = {Op::get(parts_.term.leader_key)};
    if (Status s = send(put, ""); !s) return s;
  }
  if (Status s = counted({Op::put(key(kIntent), id)}); !s) return s;
  return putInPlace(changes);
}

Status Committer::putInPlace(const Changes& changes) {
  for (const Changes& part : inParts(changes)) {
    if (Status s = commitAtOnce(part); !s) return s;
  }
  return counted({Op::erase(key(kIntent)), Op::erasePrefix(key(kIntent) + "/")});
}

Status Committer::counted(std::vector<Op> ops) {
  const std::string after = std::to_string(commits_ + 1);
  Transaction transaction;
  transaction.expects = {{parts_.term.leader_key, parts_.term.create_revision, std::nullopt}};
  Expect& before = transaction.expects.emplace_back();
  before.key = key(kCommit);
  if (commits_ == 0) {
    before.create_revision = 0;
  } else {
    before.value = std::to_string(commits_);
  }
  transaction.then = std::move(ops);
  transaction.then.push_back(Op::put(key(kCommit), after));
  transaction.otherwise = {Op::get(parts_.term.leader_key), Op::get(key(kCommit))};
  const Status sent = send(transaction, after);
  if (sent) ++commits_;
  return sent;
}

// With a get in it: etcd answers a transaction that neither reads nor writes from what one server
// happens to know, which may be old.
Status Committer::confirm() {
  Transaction transaction;
  transaction.expects = {{parts_.term.leader_key, parts_.term.create_revision, std::nullopt}};
  transaction.then = transaction.otherwise = {Op::get(parts_.term.leader_key)};
  return send(transaction, "");
}

// `commit_after`: what the count is if an earlier copy of this transaction has been carried out.
Status Committer::send(const Transaction& transaction, const std::string& commit_after) {
  Status last;
  while (!stopped_) {
    const Duration left = parts_.lasts_until() - parts_.clock.elapsed();
    if (left <= Duration{}) break;
    const auto outcome = parts_.client.transact(transaction, std::min(left, kCallTimeout));
    if (outcome) {
      ++transactions_;
      if (outcome->held) return Status::ok();
      for (const KeyValue& kv : outcome->found) {
        const bool leads =
            kv.key == parts_.term.leader_key && kv.create_revision == parts_.term.create_revision;
        if (!leads) continue;
        for (const KeyValue& other : outcome->found) {
          const bool done = other.key == key(kCommit) && other.value == commit_after;
          if (done && !commit_after.empty()) return Status::ok();
        }
        return {Code::kConflict, "etcd: somebody else has written as the leader"};
      }
      return {Code::kConflict, "etcd: another coordinator leads now"};
    }
    last = outcome.status();
    if (last.code() != Code::kUnavailable && last.code() != Code::kTimeout) return last;
    std::this_thread::sleep_for(kAgain);
  }
  return {Code::kUnavailable,
          "no answer from etcd for as long as this coordinator leads for certain" +
              (last.text().empty() ? "" : ": " + last.text())};
}

}  // namespace muster::etcd
