#include "libcontrol/node/drain_marks.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/jid.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"

namespace muster {
namespace {

bool isExactBareJid(const std::string& text) {
  const auto jid = Jid::parse(text);
  return jid && jid->isBare() && jid->toString() == text;
}

// The part before the @, by which people know each other.
std::string shortName(const std::string& bare_jid) {
  const auto jid = Jid::parse(bare_jid);
  return !jid || jid->local().empty() ? bare_jid : jid->local();
}

}  // namespace

DrainMarks::DrainMarks(store::NodeStateStore& store, std::function<void()> changed)
    : store_(store), changed_(std::move(changed)) {}

v1::DrainMark DrainMarks::mark() const {
  const store::DrainRow& record = store_.state().drain;
  v1::DrainMark out;
  out.set_drained(record.drained);
  out.set_by(record.by);
  out.set_reason(record.reason);
  out.set_changed_at_ms(record.changed_at.unix_ms);
  return out;
}

std::string DrainMarks::sentence() const {
  const store::DrainRow& record = store_.state().drain;
  if (!record.drained) return {};
  const WallTime whole_seconds{record.changed_at.unix_ms / 1000 * 1000};
  std::string out = shortName(record.by) + " since " + toRfc3339(whole_seconds);
  if (!record.reason.empty()) out += ": " + record.reason;
  return out;
}

Status DrainMarks::set(bool drained, const std::string& by, const std::string& reason,
                       WallTime now) {
  store::DrainRow record;
  record.drained = drained;
  record.by = by;
  record.reason = singleLine(reason, limits::kMaxDrainReasonBytes);
  record.changed_at.unix_ms = std::max(now.unix_ms, store_.state().drain.changed_at.unix_ms + 1);
  return save(std::move(record));
}

bool DrainMarks::isNews(const v1::DrainMark& mark) const {
  return mark.changed_at_ms() > store_.state().drain.changed_at.unix_ms;
}

Status DrainMarks::adopt(const v1::DrainMark& mark) {
  if (mark.changed_at_ms() <= 0) {
    return {Code::kInvalidArgument, "the drain mark does not say when it was changed",
            "changed_at_ms"};
  }
  if (!isExactBareJid(mark.by())) {
    return {Code::kInvalidArgument,
            "the drain mark is by '" + singleLine(mark.by(), 80) + "', which is not a bare JID",
            "by"};
  }
  store::DrainRow record{mark.drained(),
                         mark.by(),
                         singleLine(mark.reason(), limits::kMaxDrainReasonBytes),
                         {mark.changed_at_ms()}};
  const store::DrainRow& own = store_.state().drain;
  if (!isNews(mark)) {
    if (record == own) return Status::ok();
    return {Code::kConflict, "this node's own mark was changed later, by " + own.by + " at " +
                                 toRfc3339(own.changed_at)};
  }
  return save(std::move(record));
}

Status DrainMarks::save(store::DrainRow record) {
  store::NodeState state = store_.state();
  state.drain = std::move(record);
  Status saved = store_.save(state);
  if (saved && changed_) changed_();
  return saved;
}

}  // namespace muster
