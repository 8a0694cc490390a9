#include "libcontrol/xmpp/http_upload.h"

#include <QHostAddress>
#include <QNetworkAccessManager>
#include <QNetworkProxy>
#include <QNetworkReply>
#include <QNetworkRequest>
#include <QSslCertificate>
#include <QSslConfiguration>
#include <QTimer>
#include <QUrl>
#include <algorithm>
#include <charconv>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/xmpp/namespaces.h"
#include "libcontrol/xmpp/stanza.h"

namespace muster::xmpp {
namespace {

// What a server lists that could be the service; servers have a handful.
constexpr size_t kMaxItems = 32;
// Links are read and copied by people; headers hold a signed token.
constexpr size_t kMaxUrlBytes = 2048;
constexpr size_t kMaxHeaderBytes = 4096;
constexpr size_t kMaxHeaders = 8;
constexpr size_t kMaxRefusalBytes = 300;

QString toQt(const std::string& text) {
  return QString::fromStdString(text);
}

std::optional<uint64_t> numberIn(const std::string& text) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

bool isLoopback(const QString& host) {
  if (host == QLatin1String("localhost") || host.endsWith(QLatin1String(".localhost"))) return true;
  return QHostAddress(host).isLoopback();
}

// Section 6: both addresses are https. Without TLS a file goes no further than this machine.
Result<std::string> urlIn(const Element& slot, const char* name) {
  const Element* part = slot.child(name, ns::kHttpUpload);
  const std::string text = part == nullptr ? std::string() : part->attribute("url");
  const auto bad = [&](const std::string& what) {
    return Status(Code::kInvalidArgument, "the slot's address to " + std::string(name) + " " + what,
                  name);
  };
  if (text.empty()) return bad("is missing");
  if (text.size() > kMaxUrlBytes) {
    return bad("has more than " + std::to_string(kMaxUrlBytes) + " bytes");
  }
  const QUrl url(toQt(text), QUrl::StrictMode);
  if (!url.isValid() || url.host().isEmpty() || !url.userInfo().isEmpty()) {
    return bad("is no address: '" + singleLine(text, 100) + "'");
  }
  const bool plain = url.scheme() == QLatin1String("http") && isLoopback(url.host());
  if (!plain && url.scheme() != QLatin1String("https")) {
    return bad("must be https: '" + singleLine(text, 100) + "'");
  }
  return url.toEncoded().toStdString();
}

// Section 6: of the headers these alone, without line feeds.
std::vector<std::pair<std::string, std::string>> headersIn(const Element& put) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const Element& header : put.children()) {
    if (!header.is("header", ns::kHttpUpload) || out.size() >= kMaxHeaders) continue;
    const QString name = toQt(header.attribute("name"));
    std::string value = header.text();
    std::erase_if(value, [](char c) { return c == '\n' || c == '\r'; });
    if (value.size() > kMaxHeaderBytes) continue;
    for (const char* allowed : {"Authorization", "Cookie", "Expires"}) {
      if (name.compare(QLatin1String(allowed), Qt::CaseInsensitive) == 0) {
        out.emplace_back(allowed, value);
      }
    }
  }
  return out;
}

Status tooLarge(const Jid& service, const UploadFile& file, std::optional<uint64_t> max_bytes) {
  std::string text = "the file has " + std::to_string(file.content.size()) + " bytes, which " +
                     service.toString() + " does not take";
  if (max_bytes) text += "; at most " + std::to_string(*max_bytes);
  return {Code::kResourceExhausted, text};
}

}  // namespace

std::optional<UploadService> readUploadService(const Jid& jid, const Element& info) {
  if (!info.is("query", ns::kDiscoInfo)) return std::nullopt;
  UploadService out{jid, std::nullopt};
  bool is_one = false;
  for (const Element& child : info.children()) {
    if (child.is("feature", ns::kDiscoInfo)) {
      is_one = is_one || child.attribute("var") == ns::kHttpUpload;
    }
    if (!child.is("x", ns::kDataForm)) continue;
    // XEP-0128: which form it is stands in a field of its own. Servers have others beside it.
    std::string type;
    std::optional<uint64_t> max_bytes;
    for (const Element& field : child.children()) {
      const Element* value = field.child("value", ns::kDataForm);
      if (value == nullptr) continue;
      if (field.attribute("var") == "FORM_TYPE") type = value->text();
      if (field.attribute("var") == "max-file-size") max_bytes = numberIn(value->text());
    }
    if (type == ns::kHttpUpload) out.max_bytes = max_bytes;
  }
  return is_one ? std::optional(out) : std::nullopt;
}

Element slotRequest(const Jid& service, const UploadFile& file) {
  Element iq = makeIq("get", service);
  Element& request = iq.add("request", ns::kHttpUpload);
  request.setAttribute("filename", file.name);
  request.setAttribute("size", std::to_string(file.content.size()));
  request.setAttribute("content-type", file.content_type);
  return iq;
}

Result<UploadSlot> readUploadSlot(const Element& slot) {
  if (!slot.is("slot", ns::kHttpUpload)) {
    return Status(Code::kInvalidArgument, "the answer is no slot but <" +
                                              singleLine(slot.name(), 40) + " xmlns='" +
                                              singleLine(slot.ns(), 80) + "'/>");
  }
  const auto put = urlIn(slot, "put");
  if (!put) return put.status();
  const auto get = urlIn(slot, "get");
  if (!get) return get.status();
  return UploadSlot{*put, *get, headersIn(*slot.child("put", ns::kHttpUpload))};
}

Status slotRefusal(const Jid& service, const UploadFile& file, const IqOutcome& outcome) {
  if (outcome.error && outcome.error->application &&
      outcome.error->application->is("file-too-large", ns::kHttpUpload)) {
    const Element* most = outcome.error->application->child("max-file-size", ns::kHttpUpload);
    return tooLarge(service, file, most == nullptr ? std::nullopt : numberIn(most->text()));
  }
  const Code code = outcome.status.code();
  const bool as_it_is = code == Code::kTimeout || code == Code::kResourceExhausted;
  return {as_it_is ? code : Code::kUnavailable,
          service.toString() + " takes no file: " + outcome.status.text()};
}

struct HttpUpload::Job {
  UploadFile file;
  Done done;
  ElapsedTime deadline;   // for the server's answers
  size_t unanswered = 0;  // of those who were asked what they are
  Status unheard = {};    // why one of them gave no answer at all
  bool is_found = false;  // the service, so that further answers don't matter
  UploadSlot slot;
  QNetworkReply* reply = nullptr;  // of the manager
  QTimer patience;
  bool gave_up = false;
};

HttpUpload::HttpUpload(Endpoint& endpoint, std::string ca_file)
    : endpoint_(endpoint), ca_file_(std::move(ca_file)) {
  Endpoint::Listener listener;
  listener.up = [this] { service_.reset(); };
  listener_ = endpoint_.addListener(std::move(listener));
}

HttpUpload::~HttpUpload() {
  endpoint_.removeListener(listener_);
  // Without an answer: whoever waits for it is ending as well.
  for (const JobPtr& job : jobs_) {
    if (job->reply != nullptr) job->reply->disconnect();
  }
}

void HttpUpload::upload(UploadFile file, Done done) {
  const auto job = std::make_shared<Job>();
  job->file = std::move(file);
  job->done = std::move(done);
  job->deadline = endpoint_.now() + limits::kUploadPatience;
  jobs_.insert(job);
  if (!endpoint_.isUp()) {
    return finish(job, Status(Code::kUnavailable, "there is no connection to the server"));
  }
  if (service_) return requestSlot(job);
  const auto server = Jid::parse(endpoint_.jid().domain());
  if (!server) return finish(job, server.status());
  Element items = makeIq("get", *server);
  items.add("query", ns::kDiscoItems);
  ask(job, std::move(items), &HttpUpload::onItems);
}

void HttpUpload::ask(const JobPtr& job, Element iq, Answer answer) {
  const auto to = jidAttribute(iq, "to").value_or(Jid());
  const Duration left = std::max(job->deadline - endpoint_.now(), Duration::millis(1));
  endpoint_.request(std::move(iq), left,
                    [this, to, answer, still = std::weak_ptr<Job>(job)](const IqOutcome& outcome) {
                      if (const JobPtr job = still.lock()) (this->*answer)(job, to, outcome);
                    });
}

void HttpUpload::onItems(const JobPtr& job, const Jid& from, const IqOutcome& outcome) {
  if (!outcome.iq) return finish(job, outcome.status);
  // A server may take files itself, and one that lists nothing is asked all the same.
  std::vector<Jid> candidates = {from};
  const Element* query = outcome.payload();
  if (query != nullptr && query->is("query", ns::kDiscoItems)) {
    for (const Element& item : query->children()) {
      const auto jid = jidAttribute(item, "jid");
      const bool is_new =
          jid && std::find(candidates.begin(), candidates.end(), *jid) == candidates.end();
      if (is_new && candidates.size() < kMaxItems) candidates.push_back(*jid);
    }
  }
  job->unanswered = candidates.size();
  for (const Jid& candidate : candidates) {
    Element info = makeIq("get", candidate);
    info.add("query", ns::kDiscoInfo);
    ask(job, std::move(info), &HttpUpload::onInfo);
  }
}

void HttpUpload::onInfo(const JobPtr& job, const Jid& from, const IqOutcome& outcome) {
  --job->unanswered;
  if (job->is_found) return;
  if (const Element* info = outcome.payload()) {
    if (const auto service = readUploadService(from, *info)) {
      job->is_found = true;
      service_ = service;
      return requestSlot(job);
    }
  }
  if (!outcome.iq) job->unheard = outcome.status;
  if (job->unanswered > 0) return;
  if (!job->unheard) return finish(job, job->unheard);
  finish(job, Status(Code::kUnavailable, "the server " + endpoint_.jid().domain() +
                                             " offers no upload of files (XEP-0363)"));
}

void HttpUpload::requestSlot(const JobPtr& job) {
  job->is_found = true;
  if (service_->max_bytes && job->file.content.size() > *service_->max_bytes) {
    return finish(job, tooLarge(service_->jid, job->file, service_->max_bytes));
  }
  ask(job, slotRequest(service_->jid, job->file), &HttpUpload::onSlot);
}

void HttpUpload::onSlot(const JobPtr& job, const Jid& from, const IqOutcome& outcome) {
  const Element* payload = outcome.payload();
  if (payload == nullptr) return finish(job, slotRefusal(from, job->file, outcome));
  auto slot = readUploadSlot(*payload);
  if (!slot) {
    return finish(job, Status(Code::kUnavailable, from.toString() + ": " + slot.status().text()));
  }
  job->slot = std::move(slot).value();
  put(job);
}

void HttpUpload::put(const JobPtr& job) {
  QNetworkRequest request(
      QUrl::fromEncoded(QByteArray::fromStdString(job->slot.put_url), QUrl::StrictMode));
  if (!ca_file_.empty()) {
    const QList<QSslCertificate> authorities = QSslCertificate::fromPath(toQt(ca_file_));
    if (authorities.isEmpty()) {
      return finish(job, Status(Code::kUnavailable,
                                "no certificate in PEM form could be read from " + ca_file_));
    }
    QSslConfiguration tls = QSslConfiguration::defaultConfiguration();
    tls.setCaCertificates(authorities);
    request.setSslConfiguration(tls);
  }
  request.setHeader(QNetworkRequest::ContentTypeHeader, toQt(job->file.content_type));
  for (const auto& [name, value] : job->slot.headers) {
    request.setRawHeader(QByteArray::fromStdString(name), QByteArray::fromStdString(value));
  }
  if (http_ == nullptr) {
    http_ = std::make_unique<QNetworkAccessManager>();
    // As directly as the stream goes.
    http_->setProxy(QNetworkProxy::NoProxy);
  }
  job->reply = http_->put(request, QByteArray::fromStdString(job->file.content));
  const std::weak_ptr<Job> still = job;
  QObject::connect(job->reply, &QNetworkReply::finished, job->reply, [this, still] {
    if (const JobPtr job = still.lock()) onPut(job);
  });
  QObject::connect(&job->patience, &QTimer::timeout, job->reply, [still] {
    const JobPtr job = still.lock();
    if (job == nullptr) return;
    job->gave_up = true;
    job->reply->abort();
  });
  job->patience.setSingleShot(true);
  job->patience.start(static_cast<int>(limits::kUploadPatience.toMillis()));
}

void HttpUpload::onPut(const JobPtr& job) {
  QNetworkReply& reply = *job->reply;
  job->patience.stop();
  reply.deleteLater();
  const std::string where = "the upload to " + reply.url().host().toStdString();
  const int http = reply.attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
  if (job->gave_up) {
    return finish(job, Status(Code::kTimeout, where + " took longer than " +
                                                  formatDuration(limits::kUploadPatience)));
  }
  // 201 by section 6; some servers say 200.
  if (http >= 200 && http < 300 && reply.error() == QNetworkReply::NoError) {
    return finish(job, job->slot.get_url);
  }
  const std::string why = http != 0
                              ? "HTTP status " + std::to_string(http)
                              : singleLine(reply.errorString().toStdString(), kMaxRefusalBytes);
  finish(job, Status(http == 413 ? Code::kResourceExhausted : Code::kUnavailable,
                     where + " failed: " + why));
}

void HttpUpload::finish(const JobPtr& job, Result<std::string> url) {
  // The last copy may be the caller's; nothing of this object is needed afterwards.
  const JobPtr kept = job;
  jobs_.erase(kept);
  kept->done(std::move(url));
}

}  // namespace muster::xmpp
