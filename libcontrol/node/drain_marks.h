// The node's drain mark: whether it is kept out of the active role on purpose, and by whom.
#pragma once

#include <functional>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/store/node_state_store.h"
#include "muster/common.pb.h"

namespace muster {

// Node and coordinator both keep a mark, and the one changed later counts. A change made here is
// therefore always dated after the mark it replaces, whatever the clock says. One thread; the store
// must outlive it.
class DrainMarks {
 public:
  // `changed` is called after each change, once it is durable.
  DrainMarks(store::NodeStateStore& store, std::function<void()> changed);

  v1::DrainMark mark() const;
  bool isDrained() const { return store_.state().drain.drained; }
  // For people: "ann since 2026-01-01T14:03:00Z: disk swap"; empty if it is not drained.
  std::string sentence() const;

  // Asked for at this node. `by` is a bare JID; the reason is cleaned and cut.
  Status set(bool drained, const std::string& by, const std::string& reason, WallTime now);
  // The coordinator's mark: taken over if it was changed later than ours; the very same is fine.
  // kConflict if ours was changed later, kInvalidArgument for a mark without date or bare JID.
  Status adopt(const v1::DrainMark& mark);
  // Whether adopt() would change anything.
  bool isNews(const v1::DrainMark& mark) const;

 private:
  Status save(store::DrainRow record);

  store::NodeStateStore& store_;
  const std::function<void()> changed_;
};

}  // namespace muster
