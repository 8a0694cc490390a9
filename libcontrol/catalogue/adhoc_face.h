// Commands as XEP-0050 has them: what to answer to one <command/>, and what disco shows of them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "libcontrol/adhoc/payload.h"
#include "libcontrol/adhoc/session_table.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/random.h"
#include "libcontrol/catalogue/dispatcher.h"
#include "libcontrol/catalogue/held_pages.h"

namespace muster::catalogue {

// Every command has one stage: its form. An `immediate` one completes at once when it is executed
// without a form, and a first request that carries a submitted form is carried out at once.
//
// People (no wants_reply): bad input comes back as the same stage, filled in, with the error; an
// action that failed is completed with an error note. Programs (wants_reply): every failure is an
// adhoc::Error as errorFor() makes it, which statusFrom() turns back, and ends the session.
//
// No answer is larger than a server takes in one stanza. A form is cut, and says so; a reply for a
// program comes in parts, each fetched by `next` within the session.
//
// One thread. The dispatcher must outlive it; it may be destroyed while calls are open.
class AdhocFace {
 public:
  using Answer = std::variant<adhoc::Command, adhoc::Error>;
  using Done = std::function<void(Answer)>;
  // The address that was called.
  struct At {
    std::string place;  // as the requester wrote it
    std::string group;  // if it is a group's contact
  };
  struct Item {
    std::string node;
    std::string name;
  };

  AdhocFace(Dispatcher& dispatcher, Random& random);

  // `requester` is the full JID that the server stamped. Calls `done` exactly once unless this
  // object ends before.
  void handle(const Jid& requester, const At& at, const adhoc::Command& request, ElapsedTime now,
              WallTime wall, Done done);

  // The answer to a <command/> that could not be read: kMalformedAction, kBadPayload or kBadLocale.
  // Strangers get what they always get.
  adhoc::Error unreadable(const Jid& requester, const adhoc::Command& as_far_as_read,
                          adhoc::CommandCondition what, std::string text) const;

  // For disco#items on the commands node; nothing for a stranger (service-unavailable).
  std::optional<std::vector<Item>> items(const Jid& requester) const;
  // For disco#info on a command's node: kStranger, kNotFound, or what it is. A command beyond the
  // requester's role is not found.
  Result<Item> item(const Jid& requester, const std::string& node) const;

 private:
  struct Call;
  void first(const Call& call, Done done);
  void later(const Call& call, Done done);
  void goOn(const Call& call, Done done);
  void submit(const Call& call, const std::string& session_id, Done done);
  void finish(const Call& call, const std::string& session_id, const RawArguments& filled,
              CallOutcome outcome, const Done& done);
  adhoc::Command completed(const Call& call, const std::string& session_id,
                           const CallOutcome& outcome) const;
  Answer replied(const Call& call, const std::string& session_id, const CallOutcome& outcome);
  adhoc::Command replyPart(const Call& call, const std::string& session_id,
                           HeldPages::Page page) const;
  void nextPart(const Call& call, const Done& done);
  std::string idFor(const std::string& session_id) const;
  void openStage(const Call& call, const std::string& session_id, const RawArguments& filled,
                 const std::vector<Status>& errors, const Done& done);
  adhoc::Command stage(const Call& call, const std::string& session_id, const RawArguments& filled,
                       const std::vector<Status>& errors) const;

  Dispatcher& dispatcher_;
  adhoc::SessionTable sessions_;
  HeldPages parts_;  // of replies, by requester and session
  Random& random_;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

// Failures as stanza errors and back.
//   kInvalidArgument   bad-request + bad-payload    kRefusedUnsafe      not-allowed
//   kNotFound          item-not-found               kConflict           conflict
//   kForbidden         forbidden                    kResourceExhausted  resource-constraint
//   kStranger          service-unavailable          kTimeout, kUnavailable  remote-server-timeout
//   kDataLoss, kInternal  internal-server-error
adhoc::Error errorFor(const Status& status);
// service-unavailable becomes kUnavailable: a stranger can't tell it from an address where nobody
// is. session-expired becomes kConflict.
Status statusFrom(const adhoc::Error& error);

}  // namespace muster::catalogue
