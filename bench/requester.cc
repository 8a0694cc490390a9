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

xmpp::Element echoOf(const std::string& answer) {
  xmpp::Element echo("echo", kNsEcho);
  echo.setAttribute("answer", answer);
  return echo;
}

}  // namespace

const char* kindName(Kind kind) {
  switch (kind) {
    case Kind::kPing:
      return "ping";
    case Kind::kText:
      return "text";
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
  const auto answer = ask(request);
  if (!answer) return answer.status();
  payload_ = {serialisedBytes(request), serialisedBytes(*answer)};

  text_ = padded(echoOf("text"), payload_.request);
  // As many elements as the command's request has.
  echo_ = echoOf("tree");
  for (const xmpp::Element& child : request.children()) echo_.add(child.name(), child.ns());
  echo_ = padded(std::move(echo_), payload_.request);
  const xmpp::Element text = padded(xmpp::Element("echo", kNsEcho), payload_.answer);
  if (serialisedBytes(text_) != payload_.request || serialisedBytes(echo_) != payload_.request ||
      serialisedBytes(text) != payload_.answer) {
    return {Code::kInternal, "the command is shorter than the shortest echo"};
  }
  Status done = teach("text", text);
  if (done) done = teach("tree", *answer);
  return done;
}

Status Requester::teach(const std::string& name, const xmpp::Element& answer) {
  xmpp::Element lesson("learn", kNsEcho);
  lesson.setAttribute("name", name);
  lesson.add(answer);
  if (const auto learnt = ask(std::move(lesson)); !learnt) return learnt.status();
  const auto back = ask(echoOf(name));
  if (!back) return back.status();
  // Attributes may come in another order: a server writes them as it likes.
  if (serialisedBytes(*back) == serialisedBytes(answer)) return Status::ok();
  return {Code::kInternal, "the echo '" + name + "' came back with another length"};
}

// The payload of the answer; an element without a name if it is empty.
Result<xmpp::Element> Requester::ask(xmpp::Element payload) {
  QEventLoop loop;
  xmpp::IqOutcome outcome;
  endpoint_.request(iqWith("set", std::move(payload)), limits::kIqTimeout,
                    [&](const xmpp::IqOutcome& got) {
                      outcome = got;
                      loop.quit();
                    });
  loop.exec();
  if (!outcome.isOk()) return outcome.status;
  return outcome.payload() == nullptr ? xmpp::Element() : *outcome.payload();
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
  if (run->kind == Kind::kCommand) {
    return adhoc_.execute(call_, [this, run, index, sent_ns](const xmpp::AdhocOutcome& outcome) {
      onAnswer(run, index, sent_ns, checkCommand(outcome));
    });
  }
  endpoint_.request(requestOf(run->kind), limits::kIqTimeout,
                    [this, run, index, sent_ns](const xmpp::IqOutcome& outcome) {
                      onAnswer(run, index, sent_ns, outcome.status);
                    });
}

xmpp::Element Requester::requestOf(Kind kind) const {
  if (kind == Kind::kPing) return iqWith("get", xmpp::Element("ping", xmpp::ns::kPing));
  return iqWith("set", kind == Kind::kText ? text_ : echo_);
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
  const bool told = call_.wants_reply ? !answer.reply_bytes.empty() : answer.form.has_value();
  if (answer.status == adhoc::CommandStatus::kCompleted && told) return Status::ok();
  return {Code::kInternal, "the command " + call_.node + " was not completed"};
}

}  // namespace muster::bench
