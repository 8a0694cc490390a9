// Other ways for incidents than chat: a webhook that takes what Alertmanager sends, mail through
// the local sendmail, and an executable.
#pragma once

#include <QNetworkAccessManager>
#include <QObject>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/incident/outbox.h"

namespace muster::coordinator {

struct ChannelConfig {
  enum class Kind { kWebhook, kMail, kHook };
  std::string name;  // unique; in the record of deliveries
  Kind kind = Kind::kWebhook;
  std::string url;                   // webhook: http or https
  std::string token;                 // webhook: sent as a bearer token (RFC 6750); empty: none
  std::vector<std::string> to;       // mail: addresses
  std::string from;                  // mail
  std::vector<std::string> command;  // hook, and mail's sendmail: program and words
  Duration timeout = Duration::seconds(30);
};

// What a webhook and a hook's standard input get: the body that Alertmanager's webhook receivers
// take, version 4, of one incident. `over`: it is told that it is over.
std::string alertmanagerBody(const std::string& receiver, const incident::Incident& incident,
                             const std::string& text, bool over);
// RFC 5322, to be read by `sendmail -t`.
std::string mailText(const ChannelConfig& config, const incident::Message& message);

// Delivers a message of the outbox once and says what became of it; retries are the outbox's. Lives
// on the event loop's thread.
class Channels : public QObject {
 public:
  using Find = std::function<const incident::Incident*(uint64_t id)>;
  // ok: the channel has taken it.
  using Done = std::function<void(const std::string& id, const Status& status)>;

  Channels(std::vector<ChannelConfig> configs, Find find, Done done);

  // False if there is no such channel, or too much is under way.
  bool send(const incident::Message& message);

 private:
  void post(const ChannelConfig& config, const std::string& id, const std::string& body);
  void run(const ChannelConfig& config, const std::vector<std::string>& command,
           const incident::Message& message, const std::string& input);
  void finish(const std::string& id, const Status& status);

  std::map<std::string, ChannelConfig> configs_;  // by name
  const Find find_;
  const Done done_;
  QNetworkAccessManager network_;
  size_t under_way_ = 0;
};

}  // namespace muster::coordinator
