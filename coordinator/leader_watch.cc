#include "coordinator/leader_watch.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/text.h"
#include "libcontrol/xmpp/namespaces.h"
#include "libcontrol/xmpp/wire.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

// Looks within the patience.
constexpr int kLooks = 4;
// Whoever has just won reads all records and answers nobody meanwhile; with full trails that takes
// seconds on a busy machine, and whoever were deposed for it would leave the next one no better. Of
// a leader that is dead etcd knows by itself sooner.
constexpr Duration kUntilFirstAnswer = Duration::seconds(5);

}  // namespace

LeaderWatch::LeaderWatch(xmpp::Endpoint& endpoint, Jid own, Clock& clock, Duration patience,
                         std::function<void(const std::string&)> suspect)
    : endpoint_(endpoint),
      own_(std::move(own)),
      clock_(clock),
      patience_(patience),
      suspect_(std::move(suspect)) {
  timer_.setInterval(static_cast<int>((patience_ / kLooks).toMillis()));
  QObject::connect(&timer_, &QTimer::timeout, &timer_, [this] { tick(); });
}

LeaderWatch::~LeaderWatch() = default;

void LeaderWatch::watch(const std::optional<Jid>& leader) {
  leader_ = leader;
  watched_ = std::make_shared<bool>(true);
  own_answered_ = leader_answered_ = clock_.elapsed();
  last_error_.clear();
  allowed_ = std::max(patience_, kUntilFirstAnswer);
  leader_ ? timer_.start() : timer_.stop();
}

void LeaderWatch::tick() {
  if (!leader_) return;
  const ElapsedTime now = clock_.elapsed();
  // Whose own pings don't come back knows nothing of anybody else.
  if (!endpoint_.isUp() || now - own_answered_ > patience_ / kLooks * 2) leader_answered_ = now;
  if (now - leader_answered_ >= allowed_) {
    const std::string why = leader_->toString() + " has not answered for " +
                            formatDuration(now - leader_answered_) +
                            (last_error_.empty() ? "" : ": " + last_error_);
    watch(std::optional(*leader_));
    allowed_ = patience_;
    return suspect_(why);
  }
  if (!endpoint_.isUp()) return;
  ping(own_, &LeaderWatch::own_answered_);
  ping(*leader_, &LeaderWatch::leader_answered_);
}

void LeaderWatch::ping(const Jid& to, ElapsedTime LeaderWatch::*answered) {
  xmpp::Element iq = xmpp::makeIq("get", to);
  iq.add("ping", xmpp::ns::kPing);
  endpoint_.request(
      std::move(iq), patience_,
      [this, answered, of = std::weak_ptr<bool>(watched_),
       about_leader = to != own_](const xmpp::IqOutcome& outcome) {
        if (of.expired()) return;
        if (outcome.isOk()) {
          this->*answered = clock_.elapsed();
          if (about_leader && std::exchange(allowed_, patience_) != patience_) {
            logger("muster.cluster")->info("{} answers and is watched", leader_->toString());
          }
        } else if (about_leader && outcome.error) {
          last_error_ = outcome.status.text();
        }
      });
}

}  // namespace muster::coordinator
