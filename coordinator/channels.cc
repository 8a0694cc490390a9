#include "coordinator/channels.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QNetworkReply>
#include <QNetworkRequest>
#include <QTimer>
#include <QUrl>
#include <memory>
#include <utility>

#include "coordinator/hook_process.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"

namespace muster::coordinator {
namespace {

using incident::NoticeKind;

// A webhook that hangs must not pile up requests; the outbox tries again.
constexpr size_t kMaxUnderWay = 16;
// Of what is said of a failing webhook.
constexpr size_t kMaxErrorBytes = 200;
// Alertmanager's own word for "not over yet".
constexpr char kNoTime[] = "0001-01-01T00:00:00Z";

QString qt(const std::string& text) {
  return QString::fromStdString(text);
}

QJsonObject labelsOf(const incident::Incident& incident) {
  QJsonObject labels{{"alertname", "MusterIncident"},
                     {"incident", QString::number(incident.id)},
                     {"target", qt(incident.target)},
                     {"severity", incident::severityName(incident.severity)}};
  if (!incident.group.empty()) labels["group"] = qt(incident.group);
  return labels;
}

// A header that can't become two.
std::string header(const std::string& name, const std::string& value) {
  return name + ": " + singleLine(value, limits::kMaxIncidentLogLineBytes) + "\r\n";
}

}  // namespace

std::string alertmanagerBody(const std::string& receiver, const incident::Incident& incident,
                             const std::string& text, bool over) {
  const QString status = over ? "resolved" : "firing";
  const QJsonObject labels = labelsOf(incident);
  const QJsonObject annotations{{"summary", qt(incident.sentence)}, {"description", qt(text)}};
  const QString key = "muster:" + QString::number(incident.id);
  const QJsonObject alert{
      {"status", status},
      {"labels", labels},
      {"annotations", annotations},
      {"startsAt", qt(toRfc3339(incident.since))},
      {"endsAt", over && incident.ended ? qt(toRfc3339(*incident.ended)) : QString(kNoTime)},
      {"generatorURL", ""},
      {"fingerprint", key}};
  const QJsonObject body{
      {"version", "4"},           {"groupKey", key},
      {"truncatedAlerts", 0},     {"status", status},
      {"receiver", qt(receiver)}, {"groupLabels", QJsonObject{{"incident", labels["incident"]}}},
      {"commonLabels", labels},   {"commonAnnotations", annotations},
      {"externalURL", ""},        {"alerts", QJsonArray{alert}}};
  return QJsonDocument(body).toJson(QJsonDocument::Compact).toStdString();
}

std::string mailText(const ChannelConfig& config, const incident::Message& message) {
  std::string to;
  for (const std::string& address : config.to) to += (to.empty() ? "" : ", ") + address;
  // RFC 2047: the subject may hold any letter. A repeat has the same Message-ID.
  const QByteArray subject =
      QByteArray::fromStdString(singleLine(message.notice.gist, 150)).toBase64();
  return header("To", to) + header("From", config.from) + "Subject: =?UTF-8?B?" +
         subject.toStdString() + "?=\r\n" + header("Message-ID", "<" + message.id + "@muster>") +
         "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
         "Content-Transfer-Encoding: base64\r\nAuto-Submitted: auto-generated\r\n\r\n" +
         QByteArray::fromStdString(message.notice.text).toBase64().toStdString() + "\r\n";
}

Channels::Channels(std::vector<ChannelConfig> configs, Find find, Done done)
    : find_(std::move(find)), done_(std::move(done)) {
  for (ChannelConfig& config : configs) {
    const std::string name = config.name;
    configs_.emplace(name, std::move(config));
  }
}

bool Channels::send(const incident::Message& message) {
  const auto found = configs_.find(message.notice.channel);
  if (found == configs_.end() || under_way_ >= kMaxUnderWay) return false;
  const ChannelConfig& config = found->second;
  ++under_way_;
  if (config.kind == ChannelConfig::Kind::kMail) {
    run(config, config.command, message, mailText(config, message));
    return true;
  }
  const incident::Incident* incident = find_(message.notice.incident);
  incident::Incident gone;  // long over: what is left of it is the message's text
  gone.id = message.notice.incident;
  const bool over = message.notice.kind == NoticeKind::kEnded;
  const std::string body = alertmanagerBody(config.name, incident != nullptr ? *incident : gone,
                                            message.notice.text, over);
  if (config.kind == ChannelConfig::Kind::kWebhook) {
    post(config, message.id, body);
  } else {
    run(config, config.command, message, body);
  }
  return true;
}

// Later, so that nobody is answered from within the question.
void Channels::finish(const std::string& id, const Status& status) {
  --under_way_;
  QTimer::singleShot(0, this, [this, id, status] { done_(id, status); });
}

void Channels::post(const ChannelConfig& config, const std::string& id, const std::string& body) {
  QNetworkRequest request(QUrl(qt(config.url), QUrl::StrictMode));
  request.setHeader(QNetworkRequest::ContentTypeHeader, "application/json");
  request.setHeader(QNetworkRequest::UserAgentHeader, "muster-coordinator");
  if (!config.token.empty()) {
    request.setRawHeader("Authorization", "Bearer " + QByteArray::fromStdString(config.token));
  }
  // Whoever wants the alerts elsewhere writes that address into the configuration.
  request.setAttribute(QNetworkRequest::RedirectPolicyAttribute,
                       QNetworkRequest::ManualRedirectPolicy);
  request.setTransferTimeout(static_cast<int>(config.timeout.toMillis()));
  QNetworkReply* reply = network_.post(request, QByteArray::fromStdString(body));
  connect(reply, &QNetworkReply::finished, this, [this, reply, id] {
    const int code = reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
    Status status;
    if (reply->error() != QNetworkReply::NoError) {
      status = {Code::kUnavailable, singleLine(reply->errorString().toStdString(), kMaxErrorBytes)};
    } else if (code < 200 || code > 299) {
      status = {Code::kUnavailable, "the answer was HTTP " + std::to_string(code)};
    }
    reply->deleteLater();
    finish(id, status);
  });
}

void Channels::run(const ChannelConfig& config, const std::vector<std::string>& command,
                   const incident::Message& message, const std::string& input) {
  HookCall call;
  call.command = command;
  call.input = input;
  call.timeout = config.timeout;
  call.environment = {
      {"MUSTER_MESSAGE", message.id},
      {"MUSTER_INCIDENT", std::to_string(message.notice.incident)},
      {"MUSTER_STATUS", message.notice.kind == NoticeKind::kEnded ? "resolved" : "firing"}};
  runHook(this, call, [this, id = message.id](const Status& status) {
    --under_way_;
    done_(id, status);
  });
}

}  // namespace muster::coordinator
