// Forced commands that wait for a second admin.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "commands/approve.h"
#include "libcontrol/base/random.h"
#include "libcontrol/catalogue/dispatcher.h"

namespace muster::coordinator {

// Whoever forces something gets a code instead, and the other admins are told of it; another admin
// gives it back. The command is then prepared anew, as the one who asked for it: roles and names
// may have changed since. Nothing is kept on disk: a restart voids what waits.
//
// Lives on the event loop's thread; all references, and the dispatchers, must outlive it.
class FourEyes : public commands::Approver {
 public:
  // For so long a request waits.
  static constexpr Duration kLife = Duration::seconds(600);
  // So many may wait; more than a few at a time are a mistake or worse.
  static constexpr size_t kMaxWaiting = 100;

  struct Parts {
    const catalogue::Authority& authority;
    Random& random;
    // To every admin but this one.
    std::function<void(const Jid& but, const std::string& text)> tell_others;
    std::function<void(const Jid& to, const std::string& text)> tell;
  };
  explicit FourEyes(Parts parts) : parts_(std::move(parts)) {}

  // For a dispatcher's port. `dispatcher` is to be the one that asks.
  Status check(catalogue::Dispatcher& dispatcher, const catalogue::CallRequest& request,
               const std::string& line, const google::protobuf::Message& bound, ElapsedTime now);

  // commands::Approver
  void approve(const std::string& code, const catalogue::CallContext& by, Answer answer) override;

 private:
  struct Waiting {
    catalogue::Dispatcher* dispatcher = nullptr;
    catalogue::CallRequest request;
    std::string line;
    std::string bound;  // the request message's bytes
    ElapsedTime expires;
  };
  bool isAdmin(const Jid& who) const;

  const Parts parts_;
  std::map<std::string, Waiting> waiting_;  // by code
};

}  // namespace muster::coordinator
