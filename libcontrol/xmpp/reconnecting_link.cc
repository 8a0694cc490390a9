#include "libcontrol/xmpp/reconnecting_link.h"

#include "libcontrol/base/text.h"

namespace muster::xmpp {

namespace {

constexpr char kNsStreamErrors[] = "urn:ietf:params:xml:ns:xmpp-streams";
constexpr size_t kMaxErrorTextBytes = 512;

}  // namespace

ReconnectingLink::ReconnectingLink(Duration longest_wait) : backoff_(random_, longest_wait) {
  retry_.setSingleShot(true);
  login_limit_.setSingleShot(true);
  QObject::connect(&retry_, &QTimer::timeout, &context_, [this] {
    login_limit_.start(static_cast<int>(kLoginTimeout.toMillis()));
    open();
  });
  QObject::connect(&login_limit_, &QTimer::timeout, &context_, [this] {
    lost(DownReason::kNetwork, "no login within " + formatDuration(kLoginTimeout));
  });
}

void ReconnectingLink::start() {
  if (started_) return;
  started_ = true;
  retry_.start(0);
}

void ReconnectingLink::stop() {
  if (!started_) return;
  started_ = false;
  up_now_ = false;
  retry_.stop();
  login_limit_.stop();
  close(true);
}

void ReconnectingLink::drop(const std::string& why) {
  if (started_ && !retry_.isActive()) lost(DownReason::kNetwork, why);
}

void ReconnectingLink::opened() {
  login_limit_.stop();
  up_now_ = true;
  up_since_.start();
  if (up_) up_();
}

void ReconnectingLink::lost(DownReason reason, std::string text) {
  if (!started_) return;
  const Duration up_for = up_now_ ? Duration::millis(up_since_.elapsed()) : Duration{};
  up_now_ = false;
  login_limit_.stop();
  close(false);
  retry_.start(static_cast<int>(backoff_.next(reason, up_for, urgent_).toMillis()));
  const DownEvent event{reason, singleLine(text, kMaxErrorTextBytes)};
  QTimer::singleShot(0, &context_, [this, event] {
    if (started_ && down_) down_(event);
  });
}

void ReconnectingLink::deliver(const Element& stanza) {
  if (received_) received_(stanza);
}

void ReconnectingLink::discard(const Element& head, const std::string& why,
                               const StanzaError& answer, From from) {
  ++discarded_;
  last_discard_reason_ = why;
  const std::string& type = head.attribute("type");
  if (head.is("iq", kNsClient) && (type == "get" || type == "set"))
    send(errorFor(head, answer, from));
}

DownEvent readStreamError(const Element& error) {
  std::string condition = "no condition given";
  std::string text;
  for (const Element& child : error.children()) {
    if (child.is("text", kNsStreamErrors))
      text = child.text();
    else if (child.ns() == kNsStreamErrors)
      condition = child.name();
  }
  const DownReason reason = condition == "conflict"          ? DownReason::kConflict
                            : condition == "not-authorized"  ? DownReason::kAuth
                            : condition == "system-shutdown" ? DownReason::kNetwork
                                                             : DownReason::kStreamError;
  return {reason,
          "the server ended the stream: " + condition + (text.empty() ? "" : " (" + text + ")")};
}

}  // namespace muster::xmpp
