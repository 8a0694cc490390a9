#include "coordinator/cli/alert_rules.h"

#include <algorithm>
#include <iostream>
#include <set>
#include <utility>
#include <vector>

#include "coordinator/cli/client.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/service/burn.h"

namespace muster::cli {
namespace {

using Json = nlohmann::ordered_json;

// How long something that no burn rate tells of must hold.
constexpr char kSoon[] = "1m";
// A service that nobody uses at night is no news.
constexpr char kNoDataFor[] = "1h";

// Names as services, groups and nodes may have them. What else comes over the wire gets no rules:
// it could end its quotes in an expression, or be a template in a label.
bool isName(const std::string& text) {
  return !text.empty() && text.size() <= limits::kMaxNameBytes &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
             "-_.") == std::string::npos;
}

std::string quoted(const std::string& name) {
  return "\"" + name + "\"";
}

std::string number(double value) {
  return Json(value).dump();
}

Json rule(const std::string& alert, const std::string& expr, const std::string& for_time,
          Json labels, const std::string& summary, const std::string& description) {
  Json out;
  out["alert"] = alert;
  out["expr"] = expr;
  if (!for_time.empty()) out["for"] = for_time;
  out["labels"] = std::move(labels);
  out["annotations"] = {{"summary", summary}, {"description", description}};
  return out;
}

Json severity(const char* name) {
  return {{"severity", name}};
}

// What watches the watcher.
Json generalRules() {
  return {
      {"name", "muster"},
      {"rules",
       {rule("MusterCoordinatorGone",
             "absent(muster_coordinator_connected{link=\"component\"} == 1)", kSoon,
             severity("page"), "No coordinator is connected, or none is scraped",
             "Levels are not judged, nobody is told, and no role moves."),
        rule("MusterStuck", "muster_metrics_age_seconds > 30", kSoon, severity("page"),
             "{{ $labels.instance }} has not answered for {{ $value | humanizeDuration }}",
             "Its event loop is stuck."),
        rule("MusterLogRecordsDropped", "increase(muster_log_rule_records_dropped_total[10m]) > 0",
             "", severity("ticket"), "Log rules of {{ $labels.instance }} lose records",
             "What they would have counted is missing in its levels.")}}};
}

Json groupRules(const v1::StatusReply& groups) {
  Json rules = Json::array();
  for (const v1::GroupStatus& group : groups.groups()) {
    if (group.members() == 0 || !isName(group.name())) continue;
    Json labels = severity("page");
    labels["group"] = group.name();
    rules.push_back(rule("MusterGroupWithoutActiveNode",
                         "muster_group_active_nodes{group=" + quoted(group.name()) + "} == 0",
                         kSoon, std::move(labels), "No node of {{ $labels.group }} is active",
                         "muster explain {{ $labels.group }} says why."));
  }
  return {{"name", "muster-groups"}, {"rules", std::move(rules)}};
}

// The rules of one service of a group, or of a node that is in none.
class ServiceRules {
 public:
  ServiceRules(const v1::TargetService& target)
      : service_(target.service()),
        owner_(target.of_node() ? "node" : "group"),
        of_(target.of()),
        selector_(owner_ + "=" + quoted(target.of()) +
                  ",service=" + quoted(target.service().name())) {}

  Json all() const {
    Json out = Json::array();
    for (const service::BurnRule& rule : burnRules()) out.push_back(burn(rule));
    out.push_back(rule("MusterErrorBudgetSpent",
                       "muster_service_error_budget_remaining_ratio{" + selector_ + "} <= 0", "",
                       labels("ticket"), name() + " has spent its error budget",
                       "Of the period's budget {{ $value | humanizePercentage }} are left."));
    out.push_back(rule("MusterServiceWithoutData",
                       "muster_service_state{" + selector_ + ",state=\"no-data\"} == 1", kNoDataFor,
                       labels("ticket"), name() + " has no data",
                       "No data is not well: nobody knows."));
    return out;
  }

 private:
  Duration period() const {
    const uint64_t most = static_cast<uint64_t>(limits::kMaxPeriod.toMillis());
    if (service_.period_ms() == 0) return Duration::seconds(30 * 86400);
    return Duration::millis(static_cast<int64_t>(std::min(service_.period_ms(), most)));
  }

  std::vector<service::BurnRule> burnRules() const {
    std::vector<service::BurnRule> own;
    for (const v1::BurnRule& rule : service_.burn_rules()) {
      const bool is_page = rule.severity() == v1::BURN_SEVERITY_PAGE;
      own.push_back({is_page ? service::Severity::kPage : service::Severity::kTicket,
                     Duration::millis(static_cast<int64_t>(rule.long_window_ms())),
                     Duration::millis(static_cast<int64_t>(rule.short_window_ms())),
                     rule.factor()});
    }
    const bool usable = !own.empty() && service::checkBurnRules(own, period()).isOk();
    return usable ? own : service::burnRules(period());
  }

  // Which service it is stands in them too: Prometheus wants no two rules of one name and labels.
  Json labels(const char* severity_name) const {
    Json out = severity(severity_name);
    out[owner_] = of_;
    out["service"] = service_.name();
    return out;
  }

  std::string name() const { return "{{ $labels.service }} of {{ $labels." + owner_ + " }}"; }

  std::string rate(Duration window, double factor) const {
    return "muster_service_burn_rate{" + selector_ + ",window=\"" + formatDuration(window) +
           "\"} >= " + number(factor);
  }

  Json burn(const service::BurnRule& each) const {
    const bool is_page = each.severity == service::Severity::kPage;
    const std::string long_window = formatDuration(each.long_window);
    const std::string short_window = formatDuration(each.short_window);
    const std::string both = "\nand on (" + owner_ + ", service) ";
    std::string expr =
        rate(each.long_window, each.factor) + both + rate(each.short_window, each.factor);
    if (service_.kind() == v1::SERVICE_KIND_REQUESTS && service_.min_events() > 1) {
      expr += both + "sum by (" + owner_ + ", service) (muster_service_window_requests{" +
              selector_ + ",window=\"" + long_window +
              "\"}) >= " + std::to_string(service_.min_events());
    }
    Json with_windows = labels(is_page ? "page" : "ticket");
    with_windows["long_window"] = long_window;
    with_windows["short_window"] = short_window;
    return rule("MusterErrorBudgetBurn", expr, "", std::move(with_windows),
                name() + " spends its error budget {{ $value | printf \"%.1f\" }} times too fast",
                "Over the last " + long_window + " and still over the last " + short_window +
                    "; from " + number(each.factor) + " on it is a " +
                    (is_page ? "page" : "ticket") + ". The objective is " +
                    number(service_.objective_percent()) + "%.");
  }

  const v1::ServiceState& service_;
  const std::string owner_;
  const std::string of_;
  const std::string selector_;
};

bool isPlain(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); });
}

void writeYaml(const Json& value, size_t indent, std::string& out);

void writeText(const std::string& text, size_t indent, std::string& out) {
  if (text.find('\n') == std::string::npos || !isPlain(text)) {
    // JSON's texts are YAML's.
    out += " " + Json(text).dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
    return;
  }
  out += " |-\n";
  for (size_t from = 0; from <= text.size();) {
    const size_t end = std::min(text.find('\n', from), text.size());
    out += std::string(indent, ' ') + text.substr(from, end - from) + "\n";
    from = end + 1;
  }
}

void writeValue(const Json& value, size_t indent, std::string& out) {
  if (value.is_string()) return writeText(value.get<std::string>(), indent, out);
  if (!value.is_structured()) {
    out += " " + value.dump() + "\n";
  } else if (value.empty()) {
    out += value.is_array() ? " []\n" : " {}\n";
  } else {
    out += "\n";
    writeYaml(value, indent, out);
  }
}

void writeYaml(const Json& value, size_t indent, std::string& out) {
  if (value.is_array()) {
    for (const Json& item : value) {
      std::string text;
      writeYaml(item, indent + 2, text);
      // The item's first line begins behind the dash.
      text.replace(indent, 1, "-");
      out += text;
    }
    return;
  }
  for (const auto& [key, item] : value.items()) {
    out += std::string(indent, ' ') + key + ":";
    writeValue(item, indent + 2, out);
  }
}

}  // namespace

Json alertRules(const v1::StatusReply& groups, const v1::ClusterServiceLevelReply& levels) {
  Json out;
  out["groups"] = Json::array({generalRules()});
  Json of_groups = groupRules(groups);
  if (!of_groups["rules"].empty()) out["groups"].push_back(std::move(of_groups));
  std::set<std::string> names;
  for (const v1::TargetService& target : levels.services()) {
    std::string name = std::string("muster-") + (target.of_node() ? "node-" : "") +
                       target.service().name() + "." + target.of();
    // Of two of one name, of different kinds, only the first has metrics.
    const bool usable = isName(target.of()) && isName(target.service().name());
    if (!usable || !names.insert(name).second) continue;
    out["groups"].push_back({{"name", name}, {"rules", ServiceRules(target).all()}});
  }
  return out;
}

std::string yamlText(const Json& value) {
  std::string out;
  writeYaml(value, 0, out);
  return out;
}

Exit runAlertRules(const Settings& settings, const Catalogues& catalogues) {
  auto login = loginFrom(settings);
  if (!login) return report(settings.json, login.status());
  Client client(std::move(login).value());
  client.setDeadline(settings.timeout.value_or(kDefaultTimeout));
  const auto groups =
      callCluster<v1::StatusReply>(client, catalogues.cluster, "Status", v1::StatusRequest());
  if (!groups) return report(settings.json, groups.status());
  const auto levels = callCluster<v1::ClusterServiceLevelReply>(
      client, catalogues.cluster, "ServiceLevel", v1::ClusterServiceLevelRequest());
  if (!levels) return report(settings.json, levels.status());
  const Json rules = alertRules(*groups, *levels);
  if (settings.json) {
    std::cout << rules.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  } else {
    std::cout << "# Written by `muster alert-rules` from the objectives at "
              << singleLine(client.coordinator().toString(), 256)
              << "; write it anew when they have changed.\n"
              << yamlText(rules);
  }
  return Exit::kDone;
}

}  // namespace muster::cli
