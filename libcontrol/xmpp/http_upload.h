// Files that others can fetch by a link: HTTP File Upload (XEP-0363), for whoever uploads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/base/status.h"
#include "libcontrol/xmpp/endpoint.h"

class QNetworkAccessManager;
class QNetworkReply;

namespace muster::xmpp {

struct UploadFile {
  std::string name;          // with no slash in it
  std::string content_type;  // "text/plain"
  std::string content;
};

struct UploadService {
  Jid jid;
  std::optional<uint64_t> max_bytes;  // of one file, where it says so
};

// Where a file may be put, once, and where it is found then.
struct UploadSlot {
  std::string put_url;
  std::string get_url;
  // To be sent with it: Authorization, Cookie and Expires; others are not.
  std::vector<std::pair<std::string, std::string>> headers;
};

// The <query/> of a disco#info answer; nullopt if whoever gave it takes no files.
std::optional<UploadService> readUploadService(const Jid& jid, const Element& info);
Element slotRequest(const Jid& service, const UploadFile& file);
// kInvalidArgument if it is no slot, or one of its addresses is neither https nor plain http on
// loopback.
Result<UploadSlot> readUploadSlot(const Element& slot);
// Why `service` gives no slot: kResourceExhausted (the file is too large, or the account has
// uploaded enough), kTimeout or kUnavailable, with the service's own text.
Status slotRefusal(const Jid& service, const UploadFile& file, const IqOutcome& outcome);

// Uploads by the endpoint's account to a service of its server, which is looked for once a
// connection. Lives on the endpoint's thread; the endpoint must outlive it. What runs when it ends
// is given up without an answer.
class HttpUpload {
 public:
  // The address at which the file is found, or why there is none: kUnavailable (the server offers
  // no uploads, or refused this one, or there is no connection), kTimeout
  // (limits::kUploadPatience for the server's answers, and once more for the file's own way),
  // kResourceExhausted (too large).
  using Done = std::function<void(Result<std::string> url)>;

  // `ca_file` as ClientConfig has it; it counts for https as well.
  HttpUpload(Endpoint& endpoint, std::string ca_file);
  ~HttpUpload();
  HttpUpload(const HttpUpload&) = delete;
  HttpUpload& operator=(const HttpUpload&) = delete;

  // `done` is called once, later or before this returns.
  void upload(UploadFile file, Done done);

 private:
  struct Job;
  using JobPtr = std::shared_ptr<Job>;
  using Answer = void (HttpUpload::*)(const JobPtr& job, const Jid& from, const IqOutcome& outcome);

  // An IQ for the job, whose answer goes there unless the job is over by then.
  void ask(const JobPtr& job, Element iq, Answer answer);
  void onItems(const JobPtr& job, const Jid& from, const IqOutcome& outcome);
  void onInfo(const JobPtr& job, const Jid& from, const IqOutcome& outcome);
  void requestSlot(const JobPtr& job);
  void onSlot(const JobPtr& job, const Jid& from, const IqOutcome& outcome);
  void put(const JobPtr& job);
  void onPut(const JobPtr& job);
  void finish(const JobPtr& job, Result<std::string> url);

  Endpoint& endpoint_;
  const std::string ca_file_;
  Endpoint::ListenerId listener_ = 0;
  std::optional<UploadService> service_;  // of this connection
  std::set<JobPtr> jobs_;
  std::unique_ptr<QNetworkAccessManager> http_;  // made when it is needed first
};

}  // namespace muster::xmpp
