// Commands of an application's own. The one public header that shows Protobuf types: only an
// application that registers commands needs it.
//
// A command is an rpc with the options of muster/options.proto. Its form, chat line, help, `muster`
// verb, role and audit come from there; what is written in C++ is what it does:
//
//   muster::Commands door("door.v1.DoorCommands");
//   door.on<OpenRequest, OpenReply>("Open",
//       [&](const OpenRequest& request, muster::Call& call) -> muster::Result<OpenReply> { ... });
//   node->addCommands(door);
#pragma once

#include <google/protobuf/message.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "muster/status.h"

namespace muster {

// One call, as its handler sees it; valid until the handler returns.
class Call {
 public:
  Call(std::string caller, std::string role, std::string face)
      : caller_(std::move(caller)), role_(std::move(role)), face_(std::move(face)) {}

  const std::string& caller() const { return caller_; }  // bare JID
  const std::string& role() const { return role_; }      // "observer", "operator" or "admin"
  const std::string& face() const { return face_; }      // "form", "chat" or "program"

  // A sentence for people beside the reply; the last one counts.
  void note(std::string text) { note_ = std::move(text); }
  const std::string& noted() const { return note_; }

 private:
  const std::string caller_;
  const std::string role_;
  const std::string face_;
  std::string note_;
};

// The handlers of one service. A plain value: filled, then given to Node::addCommands(), which
// copies it. Mistakes (no such service, an rpc without handler, a verb that the node has already)
// are told by Node::start().
class Commands {
 public:
  using Names = std::function<std::vector<std::string>()>;
  using Outcome = Result<std::shared_ptr<const google::protobuf::Message>>;
  struct Handler {
    const google::protobuf::Descriptor* request;
    const google::protobuf::Descriptor* reply;
    std::function<Outcome(const google::protobuf::Message&, Call&)> run;
  };

  // The service's full name in its .proto, whose generated code must be linked in.
  explicit Commands(std::string service) : service_(std::move(service)) {}

  // `handler(const Request&, Call&)` gives a Result<Reply>; an error whose field() names an
  // argument is shown at that argument. The request has been checked against its options before,
  // the caller's role too. Handlers run on a thread of the library that is theirs alone, one at a
  // time in the order in which they were asked for, so they may block; calls that wait behind one
  // beyond a bound are refused.
  template <typename Request, typename Reply, typename Function>
  Commands& on(const std::string& rpc, Function handler) {
    static_assert(std::is_invocable_r_v<Result<Reply>, Function&, const Request&, Call&>);
    handlers_[rpc] = {Request::descriptor(), Reply::descriptor(),
                      [handler = std::move(handler)](const google::protobuf::Message& request,
                                                     Call& call) mutable -> Outcome {
                        Result<Reply> reply = handler(static_cast<const Request&>(request), call);
                        if (!reply) return reply.status();
                        return std::shared_ptr<const google::protobuf::Message>(
                            std::make_shared<const Reply>(std::move(reply).value()));
                      }};
    return *this;
  }

  // The names to choose from for arguments with the option choices: "KIND". Called on the thread
  // that the network runs on: it must not wait. "loggers" and "services" are the node's own.
  Commands& names(const std::string& kind, Names names) {
    names_[kind] = std::move(names);
    return *this;
  }

  // For the library.
  const std::string& service() const { return service_; }
  const std::map<std::string, Handler>& handlers() const { return handlers_; }
  const std::map<std::string, Names>& allNames() const { return names_; }

 private:
  std::string service_;
  std::map<std::string, Handler> handlers_;  // by rpc
  std::map<std::string, Names> names_;       // by kind
};

}  // namespace muster
