#include "coordinator/poll.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace muster::coordinator {
namespace {

constexpr int kTimerMs = 20;

v1::NodeResult silent(const std::string& node, Code code, const std::string& text) {
  v1::NodeResult out;
  out.set_node(node);
  out.set_outcome(codeName(code));
  out.set_text(text);
  return out;
}

}  // namespace

Poll::Poll(const Members& members, Fanout& fanout, Clock& clock, Times times)
    : members_(members), fanout_(fanout), clock_(clock), times_(times) {
  timer_.setInterval(kTimerMs);
  QObject::connect(&timer_, &QTimer::timeout, &timer_, [this] { checkTime(); });
}

bool isAnswer(const Poll::Answer& answer) {
  return !answer.reply.code().empty();
}

void Poll::ask(const std::vector<const Member*>& nodes, const Make& make, Done done) {
  const auto call = std::make_shared<Call>();
  call->done = std::move(done);
  call->deadline = clock_.elapsed() + times_.limit;
  calls_.push_back(call);
  for (const Member* member : nodes) {
    const std::string& node = member->name;
    const Jid* full = member->latestJid();
    if (full == nullptr) {
      call->outcome.silent.push_back(silent(node, Code::kUnavailable, "not present"));
      continue;
    }
    call->awaited.emplace(node, ElapsedTime::max());
    const auto turn = [this, call, make, node]() -> std::optional<v1::Order> {
      const auto awaited = call->awaited.find(node);
      if (awaited == call->awaited.end()) return std::nullopt;
      awaited->second = clock_.elapsed() + times_.wait;
      return make(node);
    };
    const auto answered = [this, alive = std::weak_ptr(alive_), call, node](
                              const Status& status, const v1::OrderReply& reply) {
      if (!alive.expired()) hear(call, node, status, reply);
    };
    if (!fanout_.add(*full, turn, answered)) {
      hear(call, node, {Code::kResourceExhausted, "too many orders are in line"}, {});
    }
  }
  call->is_begun = true;
  endIfComplete(call);
  if (!calls_.empty() && !timer_.isActive()) timer_.start();
}

void Poll::hear(const CallPtr& call, const std::string& node, const Status& status,
                const v1::OrderReply& reply) {
  if (call->awaited.erase(node) == 0) return;
  Answer answer{node, status, reply};
  if (isAnswer(answer)) {
    call->outcome.answers.push_back(std::move(answer));
  } else {
    call->outcome.silent.push_back(silent(node, status.code(), status.text()));
  }
  endIfComplete(call);
}

void Poll::endIfComplete(const CallPtr& call) {
  if (!call->is_begun || !call->awaited.empty() || std::erase(calls_, call) == 0) return;
  Outcome& outcome = call->outcome;
  std::sort(outcome.answers.begin(), outcome.answers.end(),
            [](const Answer& a, const Answer& b) { return a.node < b.node; });
  std::sort(outcome.silent.begin(), outcome.silent.end(),
            [](const auto& a, const auto& b) { return a.node() < b.node(); });
  call->done(std::move(outcome));
}

void Poll::checkTime() {
  const ElapsedTime now = clock_.elapsed();
  const std::vector<CallPtr> calls = calls_;
  for (const CallPtr& call : calls) {
    for (auto it = call->awaited.begin(); it != call->awaited.end();) {
      if (now < it->second && now < call->deadline) {
        ++it;
        continue;
      }
      call->outcome.silent.push_back(silent(it->first, Code::kTimeout, "did not answer"));
      it = call->awaited.erase(it);
    }
    endIfComplete(call);
  }
  if (calls_.empty()) timer_.stop();
}

}  // namespace muster::coordinator
