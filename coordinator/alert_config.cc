#include "coordinator/alert_config.h"

#include <QUrl>
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "libcontrol/base/limits.h"

namespace muster::coordinator {
namespace {

// A channel that takes longer than this to take a message doesn't work.
constexpr Duration kMaxChannelTimeout = Duration::seconds(50);

std::vector<Jid> readPeople(ConfigTable& table, const std::string& key) {
  std::vector<Jid> out;
  for (const std::string& text : table.strings(key)) {
    const auto jid = Jid::parse(text);
    if (!jid) {
      table.fail(key, jid.status().text());
    } else if (!jid->isBare()) {
      table.fail(key, "'" + text + "' must not have a resource");
    } else {
      out.push_back(*jid);
    }
  }
  if (out.size() > limits::kMaxOnCall) {
    table.fail(key, "names " + std::to_string(out.size()) + " people; at most " +
                        std::to_string(limits::kMaxOnCall));
  }
  return out;
}

incident::Severity readSeverity(ConfigTable& table) {
  const std::string text = table.string("severity", "page");
  if (text == "ticket") return incident::Severity::kTicket;
  if (text != "page") table.fail("severity", "must be ticket or page");
  return incident::Severity::kPage;
}

incident::EscalationStep readStep(ConfigTable& table, bool has_on_call) {
  incident::EscalationStep out;
  out.after = table.duration("after", Duration{}, Duration{}, limits::kMaxIncidentTime);
  out.who = readPeople(table, "who");
  out.on_call = table.boolean("on_call", false);
  out.least = readSeverity(table);
  if (out.on_call && !has_on_call) {
    table.fail("on_call", "takes people from the list on_call of [alerts], which is empty");
  }
  if (!out.on_call && out.who.empty()) {
    table.fail("who", "must name somebody, or on_call be true");
  }
  return out;
}

constexpr char kSendmail[] = "/usr/sbin/sendmail";

void checkUrl(ConfigTable& table, const std::string& url) {
  const QUrl parsed(QString::fromStdString(url), QUrl::StrictMode);
  const bool web = parsed.scheme() == "https" || parsed.scheme() == "http";
  if (url.empty() || (parsed.isValid() && web && !parsed.host().isEmpty())) return;
  table.fail("url", "'" + url + "' must be an address such as https://alerts.example.org/hook");
}

// RFC 6750, section 2.1; and what goes over a network unencrypted is no secret any more.
std::string readToken(ConfigTable& table, const std::string& url) {
  if (table.string("token_file").empty() && table.string("token_env").empty()) return {};
  const std::string token = table.secret("token");
  const bool fit =
      std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 127; });
  if (!fit)
    table.fail("token_file", "a token has letters, digits and signs of ASCII, and no spaces");
  const QUrl parsed(QString::fromStdString(url), QUrl::StrictMode);
  const QString host = parsed.host();
  const bool here = host == "localhost" || host == "127.0.0.1" || host == "::1";
  if (parsed.scheme() == "http" && !here) {
    table.fail("url", "'" + url + "' must be https, or the token could be read on the way");
  }
  return token;
}

ChannelConfig readChannel(ConfigTable& table, ChannelConfig::Kind kind) {
  ChannelConfig out;
  out.kind = kind;
  out.name = table.requiredString("name");
  out.timeout = table.duration("timeout", out.timeout, Duration::seconds(1), kMaxChannelTimeout);
  switch (kind) {
    case ChannelConfig::Kind::kWebhook:
      out.url = table.requiredString("url");
      checkUrl(table, out.url);
      out.token = readToken(table, out.url);
      break;
    case ChannelConfig::Kind::kMail:
      out.to = table.strings("to");
      out.from = table.requiredString("from");
      out.command = {table.string("sendmail", kSendmail), "-t", "-i"};
      if (out.to.empty()) table.fail("to", "must name at least one address");
      break;
    case ChannelConfig::Kind::kHook:
      out.command = table.strings("command");
      if (out.command.empty() || out.command.front().empty() ||
          out.command.size() > limits::kMaxHookWords) {
        table.fail("command", "must have the program and its words, 1 to " +
                                  std::to_string(limits::kMaxHookWords) + " of them");
      }
      break;
  }
  return out;
}

void readChannels(ConfigTable& table, AlertConfig& out) {
  std::set<std::string> names;
  for (const auto& [key, kind] : {std::pair("webhook", ChannelConfig::Kind::kWebhook),
                                  std::pair("mail", ChannelConfig::Kind::kMail),
                                  std::pair("hook", ChannelConfig::Kind::kHook)}) {
    for (ConfigTable channel : table.tables(key)) {
      out.channels.push_back(readChannel(channel, kind));
      const std::string& name = out.channels.back().name;
      if (!names.insert(name).second) channel.fail("name", "'" + name + "' is there twice");
      out.policy.channels.push_back(name);
    }
  }
}

// What stands behind the room's address as its resource.
bool isNick(const std::string& nick, const Jid& room) {
  return !nick.empty() && nick.size() <= limits::kMaxRoomNickBytes && nick.front() != ' ' &&
         nick.back() != ' ' && Jid::parse(room.toString() + "/" + nick);
}

std::optional<AlertRoomConfig> readRoom(ConfigTable table) {
  if (!table.isPresent()) return std::nullopt;
  AlertRoomConfig out;
  const std::string text = table.requiredString("jid");
  const auto jid = Jid::parse(text);
  if (jid && jid->isBare() && !jid->local().empty()) {
    out.room = *jid;
  } else if (!text.empty()) {
    table.fail("jid", "'" + text + "' must name a room, such as ops@rooms.example.org");
  }
  out.nick = table.string("nick", "muster");
  if (!out.room.isEmpty() && !isNick(out.nick, out.room)) {
    table.fail("nick", "must have 1 to " + std::to_string(limits::kMaxRoomNickBytes) +
                           " bytes, no control characters and no space at its ends");
  }
  const bool has_password =
      !table.string("password_file").empty() || !table.string("password_env").empty();
  if (has_password) out.password = table.secret("password");
  out.anyone_may_read = table.boolean("anyone_may_read", false);
  return out;
}

}  // namespace

AlertConfig readAlerts(ConfigTable table) {
  AlertConfig config;
  incident::Policy& out = config.policy;
  const auto time = [&table](const char* key, Duration& value) {
    value = table.duration(key, value, Duration{}, limits::kMaxIncidentTime);
  };
  time("gather", out.gather);
  time("recovery", out.recovery);
  time("update_every", out.update_every);
  out.page_until_acked = table.boolean("page_until_acked", out.page_until_acked);
  out.on_call = readPeople(table, "on_call");
  for (ConfigTable step : table.tables("step")) {
    out.steps.push_back(readStep(step, !out.on_call.empty()));
  }
  if (out.steps.size() > limits::kMaxEscalationSteps) {
    table.fail("step", "there are " + std::to_string(out.steps.size()) + "; at most " +
                           std::to_string(limits::kMaxEscalationSteps));
  }
  std::stable_sort(out.steps.begin(), out.steps.end(),
                   [](const auto& a, const auto& b) { return a.after < b.after; });
  readChannels(table, config);
  config.room = readRoom(table.table("room"));
  if (config.room) {
    out.room = config.room->room;
    out.room_nick = config.room->nick;
  }
  return config;
}

}  // namespace muster::coordinator
