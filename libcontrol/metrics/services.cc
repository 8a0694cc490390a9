#include "libcontrol/metrics/services.h"

#include <cmath>
#include <set>

#include "libcontrol/base/text.h"
#include "libcontrol/service/burn.h"

namespace muster::metrics {
namespace {

using service::ServiceSnapshot;
using service::WindowTotal;

const std::vector<std::string>& stateNames() {
  static const std::vector<std::string> kNames = {"ok", "no-data", "burning", "breached"};
  return kNames;
}

Labels with(Labels labels, const std::string& name, const std::string& value) {
  labels.emplace_back(name, value);
  return labels;
}

// Without the last digits, which only say that it was computed: a rate just on its threshold is on
// it for whoever compares.
double rounded(double value) {
  return std::round(value * 1e9) / 1e9;
}

// The sliding window as one of the others.
WindowTotal slidingWindow(const ServiceSnapshot& service) {
  WindowTotal out;
  out.window = service.window;
  if (service.kind == service::Kind::kRequests) {
    out.good = service.good;
    out.bad = service.bad;
    out.observed = service.window;
    return out;
  }
  out.observed = service.observed;
  out.bad = static_cast<uint64_t>(service.outage.toMillis());
  out.good = static_cast<uint64_t>((service.observed - service.outage).toMillis());
  return out;
}

// One service, with what all its series have in common.
class Description {
 public:
  Description(Families& out, const std::string& prefix, const Labels& labels,
              const ServiceSnapshot& service)
      : out_(out),
        prefix_(prefix),
        labels_(with(labels, "service", service.name)),
        service_(service) {}

  void level() {
    describeLevel(out_, prefix_, "the service", labels_, service_.level);
    gauge("_objective_ratio", "What must be reached within the window, 0 to 1.", labels_,
          rounded(service_.objective_percent / 100));
    gauge("_window_seconds", "Length of the sliding window that the level is of.", labels_,
          service_.window.toSeconds());
    gauge("_error_budget_period_seconds", "What the error budget is for.", labels_,
          service_.period.toSeconds());
    if (service_.budget_left) {
      gauge("_error_budget_remaining_ratio",
            "Of the period's error budget, what is left; below 0 it is overspent.", labels_,
            rounded(*service_.budget_left));
    }
    gauge("_state_changes", "Changes of the state within the last hour.", labels_, service_.flaps);
    if (service_.state_since) {
      gauge("_state_since_timestamp_seconds", "Unix time of the last change of the state.", labels_,
            static_cast<double>(service_.state_since->unix_ms) / 1000);
    }
  }

  void windows() {
    if (service::findWindow(service_, service_.window) == nullptr) amounts(slidingWindow(service_));
    for (const WindowTotal& total : service_.windows) {
      amounts(total);
      gauge("_burn_rate", "How fast the error budget is spent: 1 spends it just within the period.",
            with(labels_, "window", windowLabel(total.window)),
            rounded(service::burnRate(total, service_.objective_percent)));
    }
  }

  void alerts() {
    for (const service::BurnAlert& alert : service::judgeBurns(service_)) {
      Labels labels = with(labels_, "severity", severityLabel(alert.rule.severity));
      labels.emplace_back("long_window", windowLabel(alert.rule.long_window));
      labels.emplace_back("short_window", windowLabel(alert.rule.short_window));
      gauge("_burn_rate_threshold",
            "The burn rate, over both windows, from which on it is too fast.", labels,
            alert.rule.factor);
      gauge("_burn_rate_exceeded", "Whether it is so over both windows: 1 or 0.", labels,
            alert.firing ? 1 : 0);
    }
  }

  void totals(Totals which) {
    const char* since = " since the history of the service began, over restarts.";
    if (isRequests()) {
      total("_requests_total", std::string("Requests") + since, 1);
    } else if (which == Totals::kAll) {
      total("_time_seconds_total", std::string("Time, good and bad,") + since, 1e-3);
    }
  }

 private:
  bool isRequests() const { return service_.kind == service::Kind::kRequests; }

  void gauge(const char* suffix, const char* help, const Labels& labels, double value) {
    out_.gauge(prefix_ + suffix, help, labels, value);
  }

  void total(const char* suffix, const std::string& help, double unit) {
    out_.counter(prefix_ + suffix, help, with(labels_, "outcome", "good"),
                 static_cast<double>(service_.good_total) * unit);
    out_.counter(prefix_ + suffix, help, with(labels_, "outcome", "bad"),
                 static_cast<double>(service_.bad_total) * unit);
  }

  void amounts(const WindowTotal& total) {
    const Labels labels = with(labels_, "window", windowLabel(total.window));
    const auto both = [&](const char* suffix, const char* help, double unit) {
      gauge(suffix, help, with(labels, "outcome", "good"), static_cast<double>(total.good) * unit);
      gauge(suffix, help, with(labels, "outcome", "bad"), static_cast<double>(total.bad) * unit);
    };
    if (isRequests()) {
      both("_window_requests", "Requests within the window that ends now.", 1);
    } else {
      both("_window_time_seconds", "Good and bad time within the window that ends now.", 1e-3);
    }
    gauge("_window_observed_seconds", "How much of the window was watched at all.", labels,
          total.observed.toSeconds());
  }

  Families& out_;
  const std::string& prefix_;
  const Labels labels_;
  const ServiceSnapshot& service_;
};

}  // namespace

std::string windowLabel(Duration window) {
  return formatDuration(window);
}

std::string severityLabel(service::Severity severity) {
  return severity == service::Severity::kPage ? "page" : "ticket";
}

void describeLevel(Families& out, const std::string& prefix, const std::string& of_what,
                   const Labels& labels, const service::Level& level) {
  out.states(prefix + "_state", "The state of " + of_what + ": 1 for the one it is in.", labels,
             "state", stateNames(), stateNames().at(static_cast<size_t>(level.state) - 1));
  if (!level.percent) return;
  out.gauge(prefix + "_level_ratio",
            "The level of " + of_what + " over its window, 0 to 1; absent without data.", labels,
            rounded(*level.percent / 100));
}

void describeServices(Families& out, const std::string& prefix, const Labels& labels,
                      const std::vector<ServiceSnapshot>& services, Totals totals) {
  std::set<std::string> described;
  for (const ServiceSnapshot& service : services) {
    if (!described.insert(service.name).second) continue;
    Description one(out, prefix, labels, service);
    one.level();
    one.windows();
    one.alerts();
    one.totals(totals);
  }
}

}  // namespace muster::metrics
