// What carries commands out: typed functions, one a command.
#pragma once

#include <google/protobuf/message.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/catalogue.h"
#include "libcontrol/catalogue/ports.h"

namespace muster::catalogue {

// One call as its handler sees it. Lives as long as any copy of the call's Responder.
class CallContext {
 public:
  CallContext(Jid caller, Role role, std::string group, Face face, ElapsedTime now, WallTime wall,
              std::string place = {}, std::string call = {})
      : caller_(std::move(caller)),
        role_(role),
        group_(std::move(group)),
        face_(face),
        now_(now),
        wall_(wall),
        place_(std::move(place)),
        call_(std::move(call)) {}

  const Jid& caller() const { return caller_; }  // full
  Role role() const { return role_; }
  // The group of the contact that was called; empty elsewhere. The request has it too.
  const std::string& group() const { return group_; }
  Face face() const { return face_; }
  ElapsedTime now() const { return now_; }  // when the call came in
  WallTime wall() const { return wall_; }
  const std::string& place() const { return place_; }  // the address that was called
  // In hex, as in the audit trail's entries of this call; empty if it leaves none there.
  const std::string& call() const { return call_; }

  // A sentence for people beside the reply; the last one counts.
  void note(std::string text) { note_ = std::move(text); }
  const std::string& noted() const { return note_; }

 private:
  const Jid caller_;
  const Role role_;
  const std::string group_;
  const Face face_;
  const ElapsedTime now_;
  const WallTime wall_;
  const std::string place_;
  const std::string call_;
  std::string note_;
};

// Takes the one answer of a call. Made by the dispatcher and owned by the copies of the Responder;
// if the last of them goes without an answer, the call is answered with kInternal.
class CallState {
 public:
  using Finish = std::function<void(Status, std::shared_ptr<const google::protobuf::Message>,
                                    const CallContext&)>;
  CallState(CallContext context, Finish finish)
      : context_(std::move(context)), finish_(std::move(finish)) {}
  ~CallState();
  CallState(const CallState&) = delete;
  CallState& operator=(const CallState&) = delete;

  CallContext& context() { return context_; }
  bool isAnswered() const { return finish_ == nullptr; }
  // Later answers of the same call are ignored.
  void finish(Status status, std::shared_ptr<const google::protobuf::Message> reply);

 private:
  CallContext context_;
  Finish finish_;
};

// How a handler answers: at once or later, on the dispatcher's thread. Copyable.
template <typename Reply>
class Responder {
 public:
  explicit Responder(std::shared_ptr<CallState> state) : state_(std::move(state)) {}

  void reply(Reply reply) const {
    state_->finish(Status::ok(), std::make_shared<const Reply>(std::move(reply)));
  }
  // `status` must not be ok. A field() that names an argument is shown at that argument.
  void fail(Status status) const { state_->finish(std::move(status), nullptr); }
  CallContext& context() const { return state_->context(); }

 private:
  std::shared_ptr<CallState> state_;
};

// The handlers of a place, by verb or by the rpc's name. Checked against the catalogue when the
// dispatcher is made: every command has exactly one, of its own types.
class HandlerSet {
 public:
  using Call =
      std::function<void(const google::protobuf::Message&, const std::shared_ptr<CallState>&)>;
  using Preview = std::function<std::string(const google::protobuf::Message&, const CallContext&)>;
  struct Entry {
    const google::protobuf::Descriptor* request;
    const google::protobuf::Descriptor* reply;
    Call call;
  };

  // `handler(const Req&, CallContext&, Responder<Reply>)`.
  template <typename Req, typename Reply, typename Handler>
  HandlerSet& add(const std::string& verb_or_rpc, Handler handler) {
    static_assert(std::is_invocable_v<Handler, const Req&, CallContext&, Responder<Reply>>);
    entries_.emplace(verb_or_rpc,
                     Entry{Req::descriptor(), Reply::descriptor(),
                           [handler = std::move(handler)](const google::protobuf::Message& request,
                                                          const std::shared_ptr<CallState>& state) {
                             handler(static_cast<const Req&>(request), state->context(),
                                     Responder<Reply>(state));
                           }});
    return *this;
  }

  // For a command that asks back in chat: a sentence saying exactly what it would do now, for
  // example "node1 is drained and node2 becomes active." `preview(const Req&, const CallContext&)`.
  template <typename Req, typename PreviewFn>
  HandlerSet& preview(const std::string& verb_or_rpc, PreviewFn preview) {
    previews_.emplace(
        verb_or_rpc,
        std::pair(Req::descriptor(),
                  Preview([preview = std::move(preview)](const google::protobuf::Message& request,
                                                         const CallContext& context) {
                    return preview(static_cast<const Req&>(request), context);
                  })));
    return *this;
  }

  // One whose types are known only at run time.
  HandlerSet& add(const std::string& verb_or_rpc, Entry entry) {
    entries_.emplace(verb_or_rpc, std::move(entry));
    return *this;
  }

  const std::multimap<std::string, Entry>& entries() const { return entries_; }
  const std::map<std::string, std::pair<const google::protobuf::Descriptor*, Preview>>& previews()
      const {
    return previews_;
  }

 private:
  std::multimap<std::string, Entry> entries_;
  std::map<std::string, std::pair<const google::protobuf::Descriptor*, Preview>> previews_;
};

}  // namespace muster::catalogue
