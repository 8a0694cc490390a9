#include "libcontrol/node/log_rules.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <variant>
#include <vector>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/log/level_control.h"
#include "libcontrol/rules/glob.h"
#include "muster/log.h"

namespace muster {
namespace {

// Loggers named in one cell of a table.
constexpr size_t kMaxNamed = 3;

// The node that has the process's rules, if one has.
std::atomic<const LogRules*> owner{nullptr};

using Counter = std::variant<Availability*, Requests*, Gauge*>;

// Passes on to the services, which live longer than the rules do.
class Services : public log::EffectTarget {
 public:
  Services(std::vector<Counter> counters, Availability& own,
           std::vector<rules::RuleService> services, std::shared_ptr<BadLines> bad_lines,
           Clock& clock)
      : counters_(std::move(counters)),
        own_(own),
        services_(std::move(services)),
        bad_lines_(std::move(bad_lines)),
        clock_(clock) {}

  void apply(const rules::Rule& rule, const rules::Hit& hit,
             const log::RecordRing::Record& record) override {
    const Counter& counter = counters_[rule.service];
    const rules::RuleService& service = services_[rule.service];
    if (isBad(rule.effect, service.bounds, hit)) {
      bad_lines_->add(service.name, record.logger, record.text, clock_.wall());
    }
    switch (rule.effect) {
      case rules::Effect::kGood:
        return std::get<Requests*>(counter)->good(hit.count);
      case rules::Effect::kBad:
        return std::get<Requests*>(counter)->bad(hit.count);
      case rules::Effect::kOutageBegin:
        return std::get<Availability*>(counter)->outageBegin();
      case rules::Effect::kOutageEnd:
        return std::get<Availability*>(counter)->outageEnd();
      case rules::Effect::kGauge:
        return std::get<Gauge*>(counter)->set(hit.value);
    }
  }
  void blind(bool is_blind) override { is_blind ? own_.outageBegin() : own_.outageEnd(); }

 private:
  static bool isBad(rules::Effect effect, const GaugeBounds& bounds, const rules::Hit& hit) {
    switch (effect) {
      case rules::Effect::kBad:
        return hit.count > 0;
      case rules::Effect::kOutageBegin:
        return true;
      case rules::Effect::kGauge:
        return hit.value < bounds.min || hit.value > bounds.max;
      case rules::Effect::kGood:
      case rules::Effect::kOutageEnd:
        return false;
    }
    return false;
  }

  const std::vector<Counter> counters_;  // by the set's services
  Availability& own_;
  const std::vector<rules::RuleService> services_;  // the set's, in their order
  const std::shared_ptr<BadLines> bad_lines_;
  Clock& clock_;  // the node's, which outlives its rules
};

template <typename Made>
Status addTo(std::vector<Counter>& counters, const Result<Made>& made) {
  if (!made) return made.status();
  counters.emplace_back(*made);
  return Status::ok();
}

Status add(const rules::RuleService& service, service::ServiceSet& services, ElapsedTime now,
           std::vector<Counter>& out) {
  switch (service.kind) {
    case rules::ServiceKind::kAvailability:
      return addTo(out, services.addAvailability(service.name, service.options, now));
    case rules::ServiceKind::kRequests:
      return addTo(out, services.addRequests(service.name, service.options, now));
    case rules::ServiceKind::kGauge:
      return addTo(out, services.addGauge(service.name, service.bounds, service.options, now));
  }
  return {Code::kInternal, "a service of no kind"};
}

// The loggers that the rule is for and whose level hides some of its records.
std::string hiddenFrom(const rules::Rule& rule, const std::vector<log::LoggerState>& loggers) {
  std::vector<std::string> named;
  size_t more = 0;
  for (const log::LoggerState& logger : loggers) {
    const bool hides = static_cast<int>(logger.effective) > static_cast<int>(rule.level);
    if (!hides || !rules::globMatches(rule.logger, logger.name)) continue;
    if (named.size() == kMaxNamed) {
      ++more;
    } else {
      named.push_back(logger.name + " is at " + log::levelName(logger.effective));
    }
  }
  if (more > 0) named.push_back(std::to_string(more) + " more");
  return joinWithAnd(named);
}

std::string effectOf(const rules::Rule& rule) {
  std::string out = rules::effectName(rule.effect);
  if (rule.value_group > 0) out += "=$" + std::to_string(rule.value_group);
  if (rule.count_group > 0) out += " ($" + std::to_string(rule.count_group) + ")";
  return out;
}

}  // namespace

Result<std::unique_ptr<LogRules>> LogRules::make(Parts parts) {
  auto set = rules::RuleSet::load(parts.file);
  if (!set) return set.status();
  std::unique_ptr<LogRules> made(new LogRules(std::move(parts)));
  const LogRules* nobody = nullptr;
  if (!owner.compare_exchange_strong(nobody, made.get())) {
    return Status(Code::kConflict,
                  "another node of this process has log rules already; leave log_rules out");
  }
  made->loaded_ = std::move(set).value();
  made->loaded_at_ = made->parts_.clock.wall();
  log::attachRulesToRegistered();
  return made;
}

Status LogRules::noFile() {
  return {Code::kNotFound,
          "this node has no log rules; name their file in its configuration, as node.log_rules"};
}

LogRules::~LogRules() {
  stop();
  const LogRules* self = this;
  owner.compare_exchange_strong(self, nullptr);
}

Status LogRules::start() {
  const std::lock_guard load(load_mutex_);
  Status used = use(loaded_);
  const std::lock_guard lock(mutex_);
  running_ = used.isOk();
  return used;
}

void LogRules::stop() {
  const std::lock_guard load(load_mutex_);
  const std::lock_guard lock(mutex_);
  if (!std::exchange(running_, false)) return;
  log::RuleSink::instance()->stop();
}

// Whether all of them can be had, before any is made.
Status LogRules::checkServices(const rules::RuleSet& set, ElapsedTime now) {
  const std::vector<std::string> names = parts_.services.names();
  const auto isThere = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  size_t more = isThere(kOwnService) ? 0 : 1;
  std::vector<Counter> counters;
  for (const rules::RuleService& service : set.services()) {
    if (service.name == kOwnService) {
      return {Code::kInvalidArgument,
              std::string("service '") + kOwnService + "' is the rules' own; name yours otherwise"};
    }
    if (!isThere(service.name)) {
      ++more;
    } else if (Status same = add(service, parts_.services, now, counters); !same) {
      return same;
    }
  }
  if (names.size() + more > limits::kMaxServices) {
    return {Code::kResourceExhausted, "with the rules' services there would be " +
                                          std::to_string(names.size() + more) + "; at most " +
                                          std::to_string(limits::kMaxServices)};
  }
  return Status::ok();
}

// Makes what is missing of the services and hands the rules to the sink.
Status LogRules::use(std::shared_ptr<const rules::RuleSet> set) {
  std::vector<Counter> counters;
  Availability* own = nullptr;
  {
    const ElapsedTime now = parts_.clock.elapsed();
    const std::lock_guard lock(parts_.services_mutex);
    if (Status fits = checkServices(*set, now); !fits) {
      return {fits.code(), parts_.file.string() + ": " + fits.text(), fits.field()};
    }
    const auto made = parts_.services.addAvailability(kOwnService, {}, now);
    if (!made) return made.status();
    own = *made;
    for (const rules::RuleService& service : set->services()) {
      if (Status added = add(service, parts_.services, now, counters); !added) return added;
    }
  }
  auto target = std::make_shared<Services>(std::move(counters), *own, set->services(), bad_lines_,
                                           parts_.clock);
  log::RuleSink::instance()->setQueueBytes(parts_.queue_bytes);
  log::RuleSink::instance()->use(
      std::make_shared<log::ActiveRules>(std::move(set), std::move(target)));
  return Status::ok();
}

Status LogRules::reload() {
  const std::lock_guard load(load_mutex_);
  auto set = rules::RuleSet::load(parts_.file);
  Status used = set ? Status::ok() : set.status();
  bool running = false;
  {
    const std::lock_guard lock(mutex_);
    running = running_;
  }
  if (used && running) used = use(*set);
  if (!used) {
    logger("muster.node")->error("the log rules stay as they are: {}", used.text());
    return used;
  }
  {
    const std::lock_guard lock(mutex_);
    loaded_ = *set;
    loaded_at_ = parts_.clock.wall();
  }
  logger("muster.node")
      ->info("read the log rules, {} of them, from {}", (*set)->rules().size(),
             parts_.file.string());
  return used;
}

std::vector<v1::BadLines> LogRules::badLines(const std::vector<std::string>& services) const {
  std::vector<v1::BadLines> out = bad_lines_->of(services, parts_.clock.wall());
  if (parts_.masker == nullptr) return out;
  for (v1::BadLines& of_service : out) {
    for (v1::BadLine& line : *of_service.mutable_lines()) {
      parts_.masker->mask(*line.mutable_text());
    }
  }
  return out;
}

v1::LogRulesReply LogRules::report() const {
  return report(log::LevelControl::instance().list());
}

v1::LogRulesReply LogRules::report(const std::vector<log::LoggerState>& loggers) const {
  const log::RuleSink& sink = *log::RuleSink::instance();
  v1::LogRulesReply reply;
  reply.set_file(parts_.file.string());
  reply.set_handled(sink.handled());
  reply.set_dropped(sink.dropped());
  std::vector<std::string> unseen = log::loggersWithoutRules();
  if (unseen.size() > kMaxNamed) {
    const size_t more = unseen.size() - kMaxNamed;
    unseen.resize(kMaxNamed);
    unseen.push_back(std::to_string(more) + " more");
  }
  reply.set_unseen(joinWithAnd(unseen));
  std::shared_ptr<const rules::RuleSet> set;
  {
    const std::lock_guard lock(mutex_);
    set = loaded_;
    reply.set_loaded_at(toRfc3339(loaded_at_));
  }
  auto active = sink.current();
  if (active != nullptr && &active->set() != set.get()) active = nullptr;
  for (size_t i = 0; i < set->rules().size(); ++i) {
    const rules::Rule& rule = set->rules()[i];
    v1::LogRuleState& state = *reply.add_rules();
    state.set_name(rule.name);
    state.set_logger(rule.logger);
    state.set_level(static_cast<v1::LogLevel>(static_cast<int>(rule.level) + 1));
    state.set_text(rule.text);
    state.set_effect(effectOf(rule));
    state.set_service(set->services()[rule.service].name);
    state.set_hidden(hiddenFrom(rule, loggers));
    if (active == nullptr) continue;
    const log::ActiveRules::Count& count = active->count(i);
    state.set_hits(count.hits);
    state.set_unreadable(count.unreadable);
    if (count.last_unix_ms != 0) state.set_last(toRfc3339(WallTime{count.last_unix_ms}));
  }
  return reply;
}

}  // namespace muster
