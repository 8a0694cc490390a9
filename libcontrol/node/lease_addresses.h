// Where a node's requests for its lease go: to the coordinator that leads, as far as it knows.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "libcontrol/base/jid.h"

namespace muster {

// A wrong belief costs time and no safety: who doesn't lead grants nothing. One thread.
class LeaseAddresses {
 public:
  // At least one. Of several the first is asked first.
  explicit LeaseAddresses(std::vector<Jid> addresses) : addresses_(std::move(addresses)) {}

  bool isOne(const Jid& jid) const {
    return std::find(addresses_.begin(), addresses_.end(), jid) != addresses_.end();
  }

  // Whom to ask now: the one that leads, or all of them if it didn't answer the last time.
  std::vector<Jid> ask() {
    const bool all = unanswered_;
    unanswered_ = true;
    return all ? addresses_ : std::vector<Jid>{addresses_[leader_]};
  }
  // Whom to ask besides at once, since the only one that was asked can't answer.
  std::vector<Jid> askInstead(const Jid& failed) const {
    std::vector<Jid> others = addresses_;
    std::erase(others, failed);
    return others;
  }
  // It has answered a request, or made an offer: it leads.
  void leads(const Jid& jid) {
    const auto found = std::find(addresses_.begin(), addresses_.end(), jid);
    if (found == addresses_.end()) return;
    leader_ = static_cast<size_t>(found - addresses_.begin());
    unanswered_ = false;
  }
  const Jid& leader() const { return addresses_[leader_]; }

 private:
  const std::vector<Jid> addresses_;
  size_t leader_ = 0;
  bool unanswered_ = false;
};

}  // namespace muster
