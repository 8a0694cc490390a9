#include "coordinator/cli/client.h"

#include <QEventLoop>
#include <QTimer>
#include <algorithm>
#include <utility>

#include "libcontrol/catalogue/adhoc_face.h"
#include "libcontrol/catalogue/binding.h"
#include "libcontrol/catalogue/form.h"

namespace muster::cli {
namespace {

constexpr Duration kDefaultDeadline = Duration::seconds(30);
constexpr Duration kShortest = Duration::millis(1);

xmpp::ClientConfig linkConfig(const Login& login, Random& random) {
  xmpp::ClientConfig config;
  config.jid = login.jid.withResource("cli-" + Id128::make(random).toHex().substr(0, 8));
  config.password = login.password;
  config.host = login.host;
  if (login.port != 0) config.port = login.port;
  config.ca_file = login.ca_file;
  return config;
}

Status toStatus(const xmpp::DownEvent& event) {
  switch (event.reason) {
    case xmpp::DownReason::kAuth:
      return {Code::kForbidden, "login refused: " + event.text};
    case xmpp::DownReason::kTls:
      return {Code::kUnavailable, "the server's certificate is not accepted: " + event.text};
    default:
      return {Code::kUnavailable, "no connection to the server: " + event.text};
  }
}

// Trying again can't help.
bool isFinal(const xmpp::DownEvent& event) {
  return event.reason == xmpp::DownReason::kAuth || event.reason == xmpp::DownReason::kTls;
}

// What was bound, as the form that says the same.
adhoc::Form formFor(const catalogue::Command& command, const google::protobuf::Message& request) {
  catalogue::RawArguments raw;
  for (const catalogue::Argument& argument : command.arguments) {
    if (!request.GetReflection()->HasField(request, argument.field)) continue;
    raw.named.emplace_back(argument.name, catalogue::argumentText(argument, request));
  }
  auto form = catalogue::submitForm(command, raw);
  // Named arguments of the command itself can't be refused.
  return form ? std::move(form).value() : adhoc::Form{};
}

}  // namespace

Client::Client(Login login)
    : login_(std::move(login)),
      clock_(SystemClock::forWaiter()),
      link_(linkConfig(login_, random_)),
      endpoint_(link_, clock_, random_),
      requester_(endpoint_) {
  setDeadline(kDefaultDeadline);
}

Client::~Client() {
  link_.stop();
}

void Client::setDeadline(Duration from_now) {
  deadline_ = clock_.elapsed() + from_now;
}

Duration Client::left() {
  return std::max(deadline_ - clock_.elapsed(), kShortest);
}

Status Client::connect() {
  if (link_.isUp()) return Status::ok();
  QEventLoop loop;
  down_ = Status(Code::kTimeout, "no connection to the server in time");
  xmpp::Endpoint::Listener listener;
  listener.up = [&] {
    down_ = Status::ok();
    loop.quit();
  };
  listener.down = [&](const xmpp::DownEvent& event) {
    down_ = toStatus(event);
    if (isFinal(event)) loop.quit();
  };
  const auto id = endpoint_.addListener(std::move(listener));
  QTimer::singleShot(static_cast<int>(left().toMillis()), &loop, &QEventLoop::quit);
  link_.start();
  loop.exec();
  endpoint_.removeListener(id);
  return down_;
}

Result<std::unique_ptr<google::protobuf::Message>> Client::call(
    const Jid& to, const catalogue::Command& command, const google::protobuf::Message& request) {
  if (Status connected = connect(); !connected) return connected;
  xmpp::AdhocCall call;
  call.to = to;
  call.node = command.verb;
  call.form = formFor(command, request);
  call.wants_reply = true;
  call.timeout = left();
  QEventLoop loop;
  xmpp::AdhocOutcome outcome;
  requester_.execute(call, [&](const xmpp::AdhocOutcome& answer) {
    outcome = answer;
    loop.quit();
  });
  loop.exec();
  if (outcome.isOk()) {
    return command.parseReply(outcome.command.reply_type, outcome.command.reply_bytes);
  }
  // A component that is there answers a stranger exactly so; a server whose component is not there
  // says "wait".
  const bool like_stranger = outcome.error && to == login_.coordinator &&
                             outcome.error->condition == xmpp::Condition::kServiceUnavailable &&
                             outcome.error->type != xmpp::ErrorType::kWait &&
                             outcome.error->text.empty();
  if (like_stranger) {
    return Status(Code::kForbidden, "the coordinator at " + to.toString() + " has no answer for " +
                                        login_.jid.toString() +
                                        ": an admin has to grant it a role first");
  }
  if (outcome.status.code() == Code::kTimeout && !outcome.error) {
    return Status(Code::kTimeout,
                  to.toString() + " did not answer in time; what was asked for may still happen");
  }
  return outcome.status;
}

}  // namespace muster::cli
