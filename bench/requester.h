// The caller's side of the round trips.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "libcontrol/adhoc/payload.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/status.h"
#include "libcontrol/xmpp/adhoc_requester.h"
#include "libcontrol/xmpp/endpoint.h"

namespace muster::bench {

enum class Kind {
  kPing,     // XEP-0199
  kText,     // one element each way, all text, as long as the command's
  kEcho,     // the very bytes of the command's answer, ready-made
  kCommand,  // XEP-0050, as AdhocRequester has it, up to the answer as a value
};
inline constexpr Kind kKinds[] = {Kind::kPing, Kind::kText, Kind::kEcho, Kind::kCommand};
inline constexpr size_t kKindCount = std::size(kKinds);
const char* kindName(Kind kind);

struct Batch {
  std::vector<double> microseconds;  // one a round trip, in the order of the answers
  double seconds = 0;                // from the first answer that counts to the last
};

// Serialised length of what is inside the iq.
struct PayloadBytes {
  size_t request = 0;
  size_t answer = 0;
};

// Lives on the endpoint's thread, which must be logged in; the endpoint must outlive it.
class Requester {
 public:
  // `command` is one that completes without a form. With `wants_reply` it is called as programs do.
  Requester(xmpp::Endpoint& endpoint, Jid responder, std::string command, bool wants_reply);

  // Calls the command once, and teaches the responder the answers of the same bytes. To be called
  // before run().
  Status calibrate();
  PayloadBytes payload() const { return payload_; }

  // Keeps `depth` requests in flight, one sent for each that is answered, until `count` are
  // measured. Before and after them `depth` more are sent that don't count, so that all that count
  // have seen the full depth. An answer other than the expected one ends it with an error.
  Result<Batch> run(Kind kind, int depth, int count);

 private:
  struct Run;
  void sendNext(const std::shared_ptr<Run>& run);
  void onAnswer(const std::shared_ptr<Run>& run, int index, int64_t sent_ns, Status status);
  Status checkCommand(const xmpp::AdhocOutcome& outcome) const;
  Result<xmpp::Element> ask(xmpp::Element payload);
  Status teach(const std::string& name, const xmpp::Element& answer);
  xmpp::Element requestOf(Kind kind) const;  // not of a command
  xmpp::Element iqWith(const char* type, xmpp::Element payload) const;

  xmpp::Endpoint& endpoint_;
  xmpp::AdhocRequester adhoc_;
  const Jid responder_;
  xmpp::AdhocCall call_;
  xmpp::Element text_;  // requests
  xmpp::Element echo_;
  PayloadBytes payload_;
};

}  // namespace muster::bench
