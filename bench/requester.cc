#include "bench/requester.h"

#include <QEventLoop>
#include <chrono>
#include <utility>

#include "bench/echo.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/xmpp/adhoc_xml.h"
#include "libcontrol/xmpp/namespaces.h"
#include "libcontrol/xmpp/stanza.h"

namespace muster::bench {
namespace {

int64_t nowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

const char* kindName(Kind kind) {
  switch (kind) {
    case Kind::kPing:
      return "ping";
    case Kind::kEcho:
      return "echo";
    case Kind::kCommand:
      return "command";
  }
  return "";
}

// Shared with the callbacks, since after an error some requests are still open.
struct Requester::Run {
  Kind kind;
  int depth;
  int count;
  int sent = 0;
  int answered = 0;
  int64_t first_ns = 0;
  Batch batch;
  Status error;
  QEventLoop loop;

  int total() const { return count + 2 * depth; }
  bool counts(int index) const { return index >= depth && index < depth + count; }
};

Requester::Requester(xmpp::Endpoint& endpoint, Jid responder, std::string command, bool wants_reply)
    : endpoint_(endpoint), adhoc_(endpoint), responder_(std::move(responder)) {
  call_.to = responder_;
  call_.node = std::move(command);
  call_.wants_reply = wants_reply;
}

xmpp::Element Requester::iqWith(const char* type, xmpp::Element payload) const {
  xmpp::Element iq = xmpp::makeIq(type, responder_);
  iq.add(std::move(payload));
  return iq;
}

Status Requester::calibrate() {
  adhoc::Command command;
  command.action = adhoc::Action::kExecute;
  command.node = call_.node;
  command.wants_reply = call_.wants_reply;
  const xmpp::Element request = xmpp::writeCommand(command);
  QEventLoop loop;
  Status done;
  endpoint_.request(iqWith("set", request), limits::kIqTimeout, [&](const xmpp::IqOutcome& got) {
    done = got.status;
    if (got.payload() != nullptr) payload_.answer = serialisedBytes(*got.payload());
    loop.quit();
  });
  loop.exec();
  if (!done) return done;

  payload_.request = serialisedBytes(request);
  xmpp::Element echo("echo", kNsEcho);
  echo.setAttribute(kAnswerBytes, std::to_string(payload_.answer));
  echo_ = padded(std::move(echo), payload_.request);
  const xmpp::Element answer = padded(xmpp::Element("echo", kNsEcho), payload_.answer);
  echo_answer_text_ = answer.text().size();
  if (serialisedBytes(echo_) == payload_.request && serialisedBytes(answer) == payload_.answer) {
    return Status::ok();
  }
  return {Code::kInternal, "the command is shorter than the shortest echo"};
}

Result<Batch> Requester::run(Kind kind, int depth, int count) {
  const auto run = std::make_shared<Run>();
  run->kind = kind;
  run->depth = depth;
  run->count = count;
  run->batch.microseconds.reserve(static_cast<size_t>(count));
  for (int i = 0; i < depth; ++i) sendNext(run);
  run->loop.exec();
  if (!run->error) return run->error;
  return std::move(run->batch);
}

void Requester::sendNext(const std::shared_ptr<Run>& run) {
  const int index = run->sent++;
  const int64_t sent_ns = nowNs();
  switch (run->kind) {
    case Kind::kPing:
      endpoint_.request(iqWith("get", xmpp::Element("ping", xmpp::ns::kPing)), limits::kIqTimeout,
                        [this, run, index, sent_ns](const xmpp::IqOutcome& outcome) {
                          onAnswer(run, index, sent_ns, outcome.status);
                        });
      break;
    case Kind::kEcho:
      endpoint_.request(iqWith("set", echo_), limits::kIqTimeout,
                        [this, run, index, sent_ns](const xmpp::IqOutcome& outcome) {
                          onAnswer(run, index, sent_ns, checkEcho(outcome));
                        });
      break;
    case Kind::kCommand:
      adhoc_.execute(call_, [this, run, index, sent_ns](const xmpp::AdhocOutcome& outcome) {
        onAnswer(run, index, sent_ns, checkCommand(outcome));
      });
      break;
  }
}

void Requester::onAnswer(const std::shared_ptr<Run>& run, int index, int64_t sent_ns,
                         Status status) {
  const int64_t now_ns = nowNs();
  if (!run->error) return;
  if (!status) {
    run->error = std::move(status);
    return run->loop.quit();
  }
  ++run->answered;
  if (index == run->depth) run->first_ns = now_ns;
  if (run->counts(index)) {
    run->batch.microseconds.push_back(static_cast<double>(now_ns - sent_ns) * 1e-3);
    run->batch.seconds = static_cast<double>(now_ns - run->first_ns) * 1e-9;
  }
  if (run->sent < run->total()) sendNext(run);
  if (run->answered == run->total()) run->loop.quit();
}

Status Requester::checkCommand(const xmpp::AdhocOutcome& outcome) const {
  if (!outcome.isOk()) return outcome.status;
  const adhoc::Command& answer = outcome.command;
  if (answer.status == adhoc::CommandStatus::kCompleted && answer.form) return Status::ok();
  return {Code::kInternal, "the command " + call_.node + " was not completed"};
}

Status Requester::checkEcho(const xmpp::IqOutcome& outcome) const {
  if (!outcome.isOk()) return outcome.status;
  const xmpp::Element* answer = outcome.payload();
  if (answer != nullptr && answer->is("echo", kNsEcho) &&
      answer->text().size() == echo_answer_text_) {
    return Status::ok();
  }
  return {Code::kInternal, "the echo came back with other bytes"};
}

}  // namespace muster::bench
