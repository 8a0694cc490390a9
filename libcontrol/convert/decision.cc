#include "libcontrol/convert/decision.h"

#include <string>
#include <utility>
#include <vector>

#include "libcontrol/base/limits.h"

namespace muster::convert {
namespace {

v1::CandidateInputs toProto(const election::Candidate& candidate) {
  v1::CandidateInputs out;
  out.set_jid(candidate.jid.toString());
  out.set_name(candidate.name);
  out.set_priority(candidate.priority);
  out.set_drained(candidate.drained);
  out.set_nofailover(candidate.nofailover);
  out.set_instances(static_cast<uint32_t>(candidate.instances));
  out.set_live(static_cast<uint32_t>(candidate.live));
  if (candidate.level_percent) out.set_level_percent(*candidate.level_percent);
  if (candidate.lag) out.set_lag_ns(static_cast<uint64_t>(candidate.lag->ns));
  out.set_present_since_ns(candidate.present_since.ns);
  out.set_barred(candidate.barred);
  out.set_distrusted(candidate.distrusted);
  out.set_drain_note(candidate.drain_note);
  out.set_active(candidate.active);
  out.set_answered(candidate.answered);
  return out;
}

Status wrong(const std::string& field, const std::string& right) {
  return {Code::kInvalidArgument, field + " must be " + right, field};
}

bool isPercent(double value) {
  return value >= 0 && value <= 100;
}

// A duration that fits.
std::optional<Duration> durationOf(uint64_t ns) {
  if (ns > static_cast<uint64_t>(Duration::max().ns)) return std::nullopt;
  return Duration{static_cast<int64_t>(ns)};
}

Result<election::Candidate> fromProto(const v1::CandidateInputs& inputs, const std::string& at) {
  election::Candidate out;
  const auto jid = Jid::parse(inputs.jid());
  if (!jid || !jid->isBare()) return wrong(at + ".jid", "a bare JID");
  out.jid = *jid;
  out.name = inputs.name();
  out.priority = inputs.priority();
  out.drained = inputs.drained();
  out.nofailover = inputs.nofailover();
  if (inputs.instances() > limits::kMaxMembers || inputs.live() > inputs.instances()) {
    return wrong(at + ".live",
                 "at most its instances, and those at most " + std::to_string(limits::kMaxMembers));
  }
  out.instances = static_cast<int>(inputs.instances());
  out.live = static_cast<int>(inputs.live());
  if (inputs.has_level_percent()) {
    if (!isPercent(inputs.level_percent())) return wrong(at + ".level_percent", "0 to 100");
    out.level_percent = inputs.level_percent();
  }
  if (inputs.has_lag_ns()) {
    out.lag = durationOf(inputs.lag_ns());
    if (!out.lag) return wrong(at + ".lag_ns", "at most 2^63 - 1");
  }
  out.present_since = ElapsedTime{inputs.present_since_ns()};
  out.barred = inputs.barred();
  out.distrusted = inputs.distrusted();
  out.drain_note = inputs.drain_note();
  out.active = inputs.active();
  out.answered = inputs.answered();
  return out;
}

}  // namespace

void addCandidates(const election::Decision& decision,
                   google::protobuf::RepeatedPtrField<v1::CandidateState>& out) {
  for (const election::Verdict& verdict : decision.verdicts) {
    const election::Candidate& candidate = verdict.candidate;
    v1::CandidateState* state = out.Add();
    state->set_node(candidate.name);
    state->set_eligible(verdict.eligible);
    state->set_why(verdict.why);
    state->set_priority(candidate.priority);
    if (candidate.level_percent) state->set_level_percent(*candidate.level_percent);
    if (candidate.lag) state->set_lag_ms(static_cast<uint64_t>(candidate.lag->toMillis()));
  }
}

v1::DecisionInputs toProto(const election::Decision& decision) {
  v1::DecisionInputs out;
  out.set_level_floor(decision.options.level_floor);
  if (decision.options.max_lag) {
    out.set_max_lag_ns(static_cast<uint64_t>(decision.options.max_lag->ns));
  }
  for (const election::Verdict& verdict : decision.verdicts) {
    *out.add_candidates() = toProto(verdict.candidate);
  }
  return out;
}

Result<election::Decision> decide(const v1::DecisionInputs& inputs) {
  election::ChooseOptions options;
  if (!isPercent(inputs.level_floor())) return wrong("level_floor", "0 to 100");
  options.level_floor = inputs.level_floor();
  if (inputs.has_max_lag_ns()) {
    options.max_lag = durationOf(inputs.max_lag_ns());
    if (!options.max_lag) return wrong("max_lag_ns", "at most 2^63 - 1");
  }
  if (inputs.candidates_size() > static_cast<int>(limits::kMaxMembers)) {
    return wrong("candidates", "at most " + std::to_string(limits::kMaxMembers));
  }
  std::vector<election::Candidate> candidates;
  for (int i = 0; i < inputs.candidates_size(); ++i) {
    auto candidate = fromProto(inputs.candidates(i), "candidates[" + std::to_string(i) + "]");
    if (!candidate) return candidate.status();
    candidates.push_back(std::move(candidate).value());
  }
  return election::choose(options, std::move(candidates));
}

}  // namespace muster::convert
