#include "libcontrol/incident/outbox.h"

#include <algorithm>

#include "libcontrol/base/ids.h"
#include "libcontrol/base/limits.h"

namespace muster::incident {
namespace {

using namespace outbox;

// A connection that is down comes back within seconds.
constexpr Duration kHandOverAgain = Duration::seconds(5);

bool isChannel(const Message& message) {
  return !message.notice.channel.empty();
}

// One line for each incident, what came last; one for each of the rest. At most
// limits::kMaxSummaryLines, the latest.
std::vector<std::string> gistsOf(const std::vector<Notice>& notices) {
  std::vector<std::string> lines;
  std::map<uint64_t, size_t> of_incident;
  for (const Notice& notice : notices) {
    const bool state = notice.incident != 0 && notice.kind != NoticeKind::kNote;
    if (!state) {
      lines.push_back(notice.gist);
      continue;
    }
    const auto [at, fresh] = of_incident.try_emplace(notice.incident, lines.size());
    if (fresh) {
      lines.push_back(notice.gist);
    } else {
      lines[at->second] = notice.gist;
    }
  }
  return lines;
}

std::string summaryText(const std::vector<Notice>& notices, WallTime since, bool of_room) {
  std::vector<std::string> lines = gistsOf(notices);
  std::string out = of_room ? "While I was not in this room" : "While you were away";
  out += ", since " + toRfc3339(since) + ", " + std::to_string(notices.size()) +
         " messages came together:";
  if (lines.size() > limits::kMaxSummaryLines) {
    const size_t left_out = lines.size() - limits::kMaxSummaryLines;
    lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(left_out));
    out += "\n(" + std::to_string(left_out) + " earlier ones: incidents all)";
  }
  for (const std::string& line : lines) out += "\n- " + line;
  return out;
}

}  // namespace

Outbox::Outbox(const Policy& policy, const People& people, Random& random,
               std::vector<Message> messages, Now now)
    : policy_(policy), people_(people), random_(random), now_(now) {
  for (Message& message : messages) {
    const bool channel = isChannel(message);
    add(std::move(message));
    Entry& entry = entries_.rbegin()->second;
    // A channel is simply tried again. What was sent to a person may have arrived: it is repeated
    // in its time, or when they come.
    if (channel) {
      entry.next = now.elapsed;
    } else if (entry.message.sent) {
      entry.next = now.elapsed + backoff(entry.message.attempts);
    }
  }
  changed_.clear();
}

outbox::Effects Outbox::step(const Event& event, Now now) {
  now_ = now;
  effects_ = {};
  changed_.clear();
  std::visit([this](const auto& each) { on(each); }, event);
  for (const uint64_t number : changed_) {
    const auto entry = entries_.find(number);
    if (entry != entries_.end()) effects_.saved.push_back(entry->second.message);
  }
  return std::move(effects_);
}

const Message* Outbox::find(const std::string& id) const {
  const auto number = by_id_.find(id);
  return number == by_id_.end() ? nullptr : &entries_.at(number->second).message;
}

// --- in -----------------------------------------------------------------------------------------

void Outbox::add(Message message) {
  const uint64_t number = next_number_++;
  by_id_[message.id] = number;
  if (!isChannel(message)) by_person_[message.notice.to].insert(number);
  entries_[number].message = std::move(message);
  changed_.insert(number);
}

void Outbox::on(const Post& event) {
  for (const Notice& notice : event.notices) post(notice);
}

void Outbox::post(const Notice& notice) {
  Message message;
  message.id = Id128::make(random_).toHex();
  message.notice = notice;
  message.created = now_.wall;
  if (!isChannel(message)) makeRoom(notice.to);
  add(std::move(message));
  Entry& entry = entries_.rbegin()->second;
  if (isChannel(entry.message)) {
    entry.next = now_.elapsed;
    return send(entry);
  }
  if (maySend(entry.message)) send(entry);
}

// Beyond the bound the oldest are told as one, and what was one of those is lost at last.
void Outbox::makeRoom(const Jid& who) {
  std::vector<uint64_t> pending = pendingOf(who);
  if (pending.size() < limits::kMaxOutboxPerPerson && entries_.size() < limits::kMaxOutbox) return;
  pending.resize(pending.size() - pending.size() / 2);
  if (pending.size() > 1) summarise(who, pending);
}

// --- out ----------------------------------------------------------------------------------------

bool Outbox::maySend(const Message& message) const {
  return up_ && people_.of(message.notice.to) != Availability::kAbsent;
}

Duration Outbox::backoff(uint32_t attempts) const {
  Duration wait = limits::kOutboxFirstRetry;
  for (uint32_t i = 1; i < attempts && wait < limits::kOutboxLastRetry; ++i) wait = wait * 2;
  return std::min(wait, limits::kOutboxLastRetry);
}

void Outbox::send(Entry& entry) {
  Message& message = entry.message;
  ++message.attempts;
  message.sent = now_.wall;
  entry.sent = now_.elapsed;
  entry.next = now_.elapsed + backoff(message.attempts);
  const bool enough = !isChannel(message) && !message.notice.until_acked &&
                      message.attempts > static_cast<uint32_t>(limits::kOutboxRepeats);
  if (enough) entry.next.reset();
  changed_.insert(by_id_.at(message.id));
  effects_.send.push_back(message);
}

void Outbox::on(const Tick&) {
  for (auto& [number, entry] : entries_) {
    if (!entry.next || now_.elapsed < *entry.next) continue;
    if (isChannel(entry.message)) {
      send(entry);
    } else if (maySend(entry.message)) {
      send(entry);
    }
  }
}

// Presence has had its time to come: those who are there, or of whom nothing is known, get what
// waits for them.
void Outbox::on(const LinkUp&) {
  up_ = true;
  std::vector<Jid> people;
  for (const auto& [who, numbers] : by_person_) {
    const Availability availability = people_.of(who);
    const bool unsent = std::any_of(numbers.begin(), numbers.end(), [this](uint64_t number) {
      return !entries_.at(number).message.sent;
    });
    // What was sent to somebody unseen is repeated in its time, not at each of our connections.
    const bool now =
        availability == Availability::kUnknown ? unsent : availability != Availability::kAbsent;
    if (now) people.push_back(who);
  }
  for (const Jid& who : people) flush(who);
}

void Outbox::on(const PersonCame& event) {
  flush(event.who);
}

std::vector<uint64_t> Outbox::pendingOf(const Jid& who) const {
  std::vector<uint64_t> out;
  const auto person = by_person_.find(who);
  if (person == by_person_.end()) return out;
  for (const uint64_t number : person->second) {
    if (!entries_.at(number).message.confirmed) out.push_back(number);
  }
  return out;
}

void Outbox::flush(const Jid& who) {
  if (!up_) return;
  const std::vector<uint64_t> pending = pendingOf(who);
  std::vector<uint64_t> together;
  for (const uint64_t number : pending) {
    const Message& message = entries_.at(number).message;
    const bool fresh = !message.sent && message.notice.kind != NoticeKind::kSummary;
    if (fresh || pending.size() > limits::kMaxRepeatedSingly) together.push_back(number);
  }
  // One that waits by itself needs no summary, and what was sent before keeps its own id.
  if (together.size() > 1) {
    summarise(who, together);
  } else {
    together.clear();
  }
  for (const uint64_t number : pendingOf(who)) {
    Entry& entry = entries_.at(number);
    if (entry.sent != now_.elapsed) send(entry);
  }
}

// The summary is durable, with an id of its own, before those that it stands for are gone.
void Outbox::summarise(const Jid& who, const std::vector<uint64_t>& numbers) {
  std::vector<Notice> notices;
  Message summary;
  summary.id = Id128::make(random_).toHex();
  summary.created = now_.wall;
  summary.notice.to = who;
  summary.notice.kind = NoticeKind::kSummary;
  const WallTime since = entries_.at(numbers.front()).message.created;
  for (const uint64_t number : numbers) {
    const Notice& notice = entries_.at(number).message.notice;
    notices.push_back(notice);
    summary.notice.from = notice.from;
    // It asks for an acknowledgement as the last of those does that still asks.
    if (notice.until_acked) {
      summary.notice.until_acked = true;
      summary.notice.incident = notice.incident;
    }
  }
  summary.notice.text = summaryText(notices, since, who == policy_.room);
  summary.notice.gist = std::to_string(notices.size()) + " messages since " + toRfc3339(since);
  const std::string outcome = "summary " + summary.id;
  for (const uint64_t number : numbers) finish(number, outcome);
  add(std::move(summary));
  Entry& entry = entries_.rbegin()->second;
  if (maySend(entry.message)) send(entry);
}

// --- confirmed ----------------------------------------------------------------------------------

void Outbox::confirm(uint64_t number) {
  Message& message = entries_.at(number).message;
  if (!message.notice.until_acked) return finish(number, "delivered");
  if (message.confirmed) return;
  message.confirmed = true;
  changed_.insert(number);
}

void Outbox::finish(uint64_t number, const std::string& outcome) {
  const auto found = entries_.find(number);
  Message& message = found->second.message;
  by_id_.erase(message.id);
  if (!isChannel(message)) {
    auto& of_person = by_person_[message.notice.to];
    of_person.erase(number);
    if (of_person.empty()) by_person_.erase(message.notice.to);
  }
  effects_.done.push_back({std::move(message), outcome});
  entries_.erase(found);
}

void Outbox::on(const Delivered& event) {
  const auto number = by_id_.find(event.id);
  if (number == by_id_.end()) return;
  const Message& message = entries_.at(number->second).message;
  // Nobody confirms for somebody else.
  if (message.notice.to != event.who) return;
  confirm(number->second);
}

void Outbox::on(const PersonWrote& event) {
  for (const uint64_t number : pendingOf(event.who)) {
    const Entry& entry = entries_.at(number);
    // What was sent by a process before this one was sent long ago.
    const bool before =
        entry.message.sent && (!entry.sent || now_.elapsed - *entry.sent >= limits::kReadSlack);
    if (before) confirm(number);
  }
}

void Outbox::on(const Failed& event) {
  const auto number = by_id_.find(event.id);
  if (number == by_id_.end()) return;
  Entry& entry = entries_.at(number->second);
  if (isChannel(entry.message) &&
      entry.message.attempts >= static_cast<uint32_t>(limits::kChannelAttempts)) {
    return finish(number->second, "dropped: " + event.why);
  }
  // A server that sent it back has nobody to give it to: the next presence brings it.
  if (!isChannel(entry.message)) entry.next = now_.elapsed + limits::kOutboxLastRetry;
}

void Outbox::on(const NotSent& event) {
  const auto number = by_id_.find(event.id);
  if (number == by_id_.end()) return;
  Entry& entry = entries_.at(number->second);
  entry.next = now_.elapsed + kHandOverAgain;
  if (--entry.message.attempts == 0) {
    entry.message.sent.reset();
    entry.sent.reset();
  }
  changed_.insert(number->second);
}

void Outbox::on(const Settled& event) {
  std::vector<uint64_t> over;
  for (auto& [number, entry] : entries_) {
    Message& message = entry.message;
    if (message.notice.incident != event.incident || !message.notice.until_acked) continue;
    message.notice.until_acked = false;
    changed_.insert(number);
    if (message.confirmed) over.push_back(number);
  }
  for (const uint64_t number : over) finish(number, "acknowledged");
}

void Outbox::on(const Dismissed& event) {
  const auto person = by_person_.find(event.who);
  if (person == by_person_.end()) return;
  const std::set<uint64_t> numbers = person->second;
  for (const uint64_t number : numbers) finish(number, "dropped: no role any more");
}

void Outbox::on(const ChannelGone& event) {
  std::vector<uint64_t> gone;
  for (const auto& [number, entry] : entries_) {
    if (entry.message.notice.channel == event.channel) gone.push_back(number);
  }
  for (const uint64_t number : gone) finish(number, "dropped: there is no such channel any more");
}

}  // namespace muster::incident
