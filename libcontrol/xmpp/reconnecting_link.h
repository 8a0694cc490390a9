// What a client's and a component's link have in common: attempts, their time limit, the wait
// between them, and the order in which losses are told.
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QTimer>

#include "libcontrol/base/random.h"
#include "libcontrol/xmpp/backoff.h"
#include "libcontrol/xmpp/link.h"
#include "libcontrol/xmpp/stanza.h"

namespace muster::xmpp {

// An attempt that has not led to a login within this has failed.
inline constexpr Duration kLoginTimeout = Duration::seconds(15);

// Needs a QCoreApplication; belongs to the thread that made it.
class ReconnectingLink : public Link {
 public:
  explicit ReconnectingLink(Duration longest_wait = Backoff::kLongest);

  void start() override;
  void stop() override;
  void drop(const std::string& why) override;
  void setUrgent(bool urgent) override { urgent_ = urgent; }
  bool isUp() const override { return up_now_; }

  // Stanzas out of bounds that were passed over, since the link was made, and why the last one was.
  uint64_t discarded() const { return discarded_; }
  const std::string& lastDiscardReason() const { return last_discard_reason_; }

 protected:
  // Begins an attempt, which ends in opened() or lost().
  virtual void open() = 0;
  // Throws the connection or attempt away; nothing of it may be heard afterwards. With `goodbye`
  // the stream is closed properly first, as far as that is possible without waiting. Idempotent.
  virtual void close(bool goodbye) = 0;

  // The attempt succeeded.
  void opened();
  // The connection or attempt is over; closes it, reports, and tries again later. Told from the
  // event loop, not from inside.
  void lost(DownReason reason, std::string text);
  void deliver(const Element& stanza);
  // Instead of deliver(), for a stanza that is out of bounds; `head` is its name and attributes.
  // Whoever asked is answered, so as not to wait.
  void discard(const Element& head, const std::string& why, const StanzaError& answer, From from);

  // Connections that are made in its name end with the link.
  QObject context_;

 private:
  SystemRandom random_;
  Backoff backoff_;
  QTimer retry_;
  QTimer login_limit_;
  QElapsedTimer up_since_;
  bool started_ = false;
  bool up_now_ = false;
  bool urgent_ = true;
  uint64_t discarded_ = 0;
  std::string last_discard_reason_;
};

// What an error of the stream (RFC 6120, section 4.9) means for a link.
DownEvent readStreamError(const Element& error);

}  // namespace muster::xmpp
