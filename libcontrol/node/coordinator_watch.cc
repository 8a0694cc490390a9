#include "libcontrol/node/coordinator_watch.h"

#include <utility>

#include "libcontrol/xmpp/subscriptions.h"

namespace muster {
namespace {

// The coordinator's presence may take this long to arrive after a login before its absence is told.
constexpr Duration kGrace = Duration::seconds(3);
// One process has one; ghosts of others end by themselves.
constexpr size_t kMaxResources = 16;

}  // namespace

CoordinatorWatch::CoordinatorWatch(xmpp::Endpoint& endpoint, Jid account, Clock& clock,
                                   std::function<void()> changed)
    : endpoint_(endpoint),
      account_(std::move(account)),
      clock_(clock),
      changed_(std::move(changed)),
      missing_since_(clock.wall()),
      told_from_(clock.elapsed() + kGrace) {
  xmpp::Endpoint::Listener listener;
  listener.up = [this] { onUp(); };
  listener.down = [this](const xmpp::DownEvent&) { onDown(); };
  listener.presence = [this](const xmpp::Element& stanza) { onPresence(stanza); };
  listener_ = endpoint_.addListener(std::move(listener));
}

CoordinatorWatch::~CoordinatorWatch() {
  endpoint_.removeListener(listener_);
}

std::optional<WallTime> CoordinatorWatch::missingSince() const {
  return isThere() ? std::nullopt : std::optional(missing_since_);
}

std::optional<WallTime> CoordinatorWatch::missed() const {
  return isThere() || clock_.elapsed() < told_from_ ? std::nullopt : std::optional(missing_since_);
}

void CoordinatorWatch::onUp() {
  told_from_ = clock_.elapsed() + kGrace;
}

void CoordinatorWatch::onDown() {
  if (!resources_.empty()) lost(/*told_at_once=*/false);
}

void CoordinatorWatch::lost(bool told_at_once) {
  resources_.clear();
  missing_since_ = clock_.wall();
  told_from_ = told_at_once ? clock_.elapsed() : clock_.elapsed() + kGrace;
}

void CoordinatorWatch::onPresence(const xmpp::Element& stanza) {
  const auto presence = xmpp::readPresence(stanza);
  if (!presence || account_.isEmpty() || presence->from.bare() != account_) return;
  const bool was_there = isThere();
  if (presence->type == xmpp::PresenceType::kAvailable) {
    if (resources_.size() < kMaxResources) resources_.insert(presence->from.resource());
  } else if (presence->type == xmpp::PresenceType::kUnavailable) {
    const bool known = resources_.erase(presence->from.resource()) > 0;
    if (known && resources_.empty()) lost(/*told_at_once=*/true);
  }
  if (isThere() != was_there && changed_) changed_();
}

}  // namespace muster
