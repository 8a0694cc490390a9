// The one way to a handler, whatever the face: authorise, bind, write the audit trail, call.
#pragma once

#include <google/protobuf/message.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/random.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/binding.h"
#include "libcontrol/catalogue/catalogue.h"
#include "libcontrol/catalogue/handlers.h"
#include "libcontrol/catalogue/ports.h"

namespace muster::catalogue {

struct CallRequest {
  Jid caller;  // full, as the server stamped it
  Face face = Face::kForm;
  std::string place;  // the address that was called; for the audit trail
  std::string group;  // the group whose contact was called; empty elsewhere
  std::string verb;
  RawArguments arguments;
  // Taken for the request's argument `key` (a string, its idempotency key) if it has one and none
  // was given.
  std::string default_key;
  // Who else wants it, of what waits for a second person; empty: nobody does yet.
  Jid approved_by{};
};

struct CallOutcome {
  // kStranger: nothing may be told, not even that there is such a command. kForbidden names the
  // role needed. kInvalidArgument and the like: see errors.
  Status status;
  std::vector<Status> errors;                              // of single arguments; see Bound
  std::shared_ptr<const google::protobuf::Message> reply;  // set exactly if status is ok
  std::string note;                                        // may be empty
};

// One thread. Every port must outlive it; it may be destroyed while calls are open, whose answers
// are then dropped.
class Dispatcher {
 public:
  struct Ports {
    const Authority* authority = nullptr;
    const Directory* directory = nullptr;
    AuditSink* audit = nullptr;
    Random* random = nullptr;
    // Told of each call that was answered and of each that was refused for want of a role: the
    // command's verb ("unknown" to a stranger), what came of it, and when it began, by the clock
    // that the caller's `now` is of. May be empty.
    std::function<void(const std::string& verb, Code outcome, ElapsedTime began)> answered{};
    // Asked before a command is carried out whose argument `force` is set: ok, or what it is
    // answered instead. `line` is what was bound, as it is written in chat. May be empty.
    std::function<Status(const CallRequest& request, const std::string& line,
                         const google::protobuf::Message& bound, ElapsedTime now)>
        force{};
  };
  using Done = std::function<void(CallOutcome)>;

  // kInternal names the command without a handler, with two, or with one of other types, and the
  // handler that belongs to no command.
  static Result<std::unique_ptr<Dispatcher>> make(Catalogue catalogue, HandlerSet handlers,
                                                  Ports ports);

  const Catalogue& catalogue() const { return catalogue_; }

  // Nothing for a stranger. A caller with the coordinator's role has one, but reaches no command.
  std::optional<Role> roleOf(const Jid& caller) const;
  Scope scopeFor(Role role, const std::string& group) const;

  // Authorised and bound, not yet carried out.
  struct Prepared {
    CallOutcome refusal;               // its status is ok if it may go on
    const Command* command = nullptr;  // set once the caller may know of it
    Role role = v1::ROLE_UNSPECIFIED;
    Bound bound;
    bool mayGoOn() const { return refusal.status.isOk(); }
    // It can hurt, and no argument says that it is not to: chat wants a code back first.
    bool asksBack() const;
  };
  // Refusals for want of a role are written to the audit trail, a bounded number a minute.
  Prepared prepare(const CallRequest& request, ElapsedTime now, WallTime wall);
  // What run() would do, in a sentence; empty if the command has no preview.
  std::string preview(const Prepared& prepared, const CallRequest& request, ElapsedTime now,
                      WallTime wall) const;
  // Calls `done` exactly once, perhaps before it returns. A changing command's attempt is durable
  // in the audit trail before the handler runs (else it is refused: kUnavailable), its outcome
  // before `done` is called.
  void run(Prepared prepared, const CallRequest& request, ElapsedTime now, WallTime wall,
           Done done);
  // prepare() and run().
  void call(const CallRequest& request, ElapsedTime now, WallTime wall, Done done);

 private:
  Dispatcher(Catalogue catalogue, Ports ports);
  Status adopt(HandlerSet& handlers);
  Prepared refuse(const CallRequest& request, Status status, ElapsedTime now, WallTime wall);
  void tellAnswered(const std::string& verb, Code outcome, ElapsedTime began) const;
  void recordDone(AuditEntry& entry, CallOutcome& outcome) const;
  AuditEntry entryFor(const CallRequest& request, WallTime wall) const;

  const Catalogue catalogue_;
  const Ports ports_;
  std::map<const Command*, HandlerSet::Call> calls_;
  std::map<const Command*, HandlerSet::Preview> previews_;
  // Refusals written in the minute that began then, and those left out since.
  ElapsedTime refusals_since_{};
  size_t refusals_ = 0;
  size_t refusals_left_out_ = 0;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace muster::catalogue
