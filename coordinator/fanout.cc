#include "coordinator/fanout.h"

#include <utility>

#include "libcontrol/base/limits.h"

namespace muster::coordinator {
namespace {

constexpr int kTimerMs = 20;

}  // namespace

Fanout::Fanout(Send send, Clock& clock) : send_(std::move(send)), clock_(clock) {
  timer_.setInterval(kTimerMs);
  QObject::connect(&timer_, &QTimer::timeout, &timer_, [this] { checkTime(); });
}

bool Fanout::add(const Jid& node, Make make, Orders::Done done) {
  if (line_.size() >= limits::kMaxOrdersInLine) return false;
  line_.push_back({node, std::move(make), std::move(done)});
  sendMore();
  return true;
}

void Fanout::checkTime() {
  const ElapsedTime now = clock_.elapsed();
  // Numbered as they were sent, so the longest on their way come first.
  while (!in_flight_.empty() && now - in_flight_.begin()->second >= limits::kOrderPatience) {
    in_flight_.erase(in_flight_.begin());
  }
  sendMore();
}

void Fanout::sendMore() {
  // What is called in here may ask for more; that is then taken up by the loop that runs.
  if (sending_) return;
  sending_ = true;
  while (in_flight_.size() < limits::kMaxOrdersInFlight && !line_.empty()) {
    Item item = std::move(line_.front());
    line_.pop_front();
    const auto order = item.make();
    if (!order) continue;
    const uint64_t number = next_++;
    in_flight_.emplace(number, clock_.elapsed());
    send_(item.node, *order, limits::kIqTimeout,
          [this, number, done = std::move(item.done)](const Status& status,
                                                      const v1::OrderReply& reply) {
            in_flight_.erase(number);
            done(status, reply);
            sendMore();
          });
  }
  sending_ = false;
  if (in_flight_.empty()) {
    timer_.stop();
  } else if (!timer_.isActive()) {
    timer_.start();
  }
}

}  // namespace muster::coordinator
