#include "coordinator/high_availability.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <utility>

#include "libcontrol/base/text.h"
#include "libcontrol/xmpp/namespaces.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

// Before one that could not carry it out stands again: another may be able to.
constexpr Duration kPause = Duration::seconds(2);
// Each is read when a new leader begins, while nobody leads; the file of one coordinator may keep
// more.
constexpr size_t kSharedAuditEntries = 10'000;
constexpr size_t kSharedHistoryEvents = 10'000;
// How long a leader's silence lasts before it is deposed, as a share of the lease: a node that has
// just missed it still has time to find the next one.
constexpr int kPatienceShare = 5;
constexpr Duration kMinPatience = Duration::millis(400);

std::string write(const v1::CoordinatorState& state) {
  std::string out;
  (void)google::protobuf::util::MessageToJsonString(state, &out);
  return out;
}

v1::CoordinatorState read(const std::string& text) {
  v1::CoordinatorState out;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  (void)google::protobuf::util::JsonStringToMessage(text, &out, options);
  return out;
}

}  // namespace

Result<std::unique_ptr<HighAvailability>> HighAvailability::make(const Config& config) {
  auto client = etcd::Client::make(config.shared->etcd);
  if (!client) return client.status();
  if (Status s = xmpp::ComponentLink::check(linkConfig(config.shared->lease)); !s) return s;
  return std::unique_ptr<HighAvailability>(new HighAvailability(config, std::move(client).value()));
}

HighAvailability::HighAvailability(const Config& config, std::unique_ptr<etcd::Client> client)
    : config_(config),
      shared_(*config.shared),
      started_(SystemClock::forWaiter().wall()),
      client_(std::move(client)) {
  lease_link_ = std::make_unique<xmpp::ComponentLink>(linkConfig(shared_.lease));
  lease_ = std::make_unique<xmpp::Endpoint>(*lease_link_, SystemClock::forHolder(), random_);
  xmpp::Endpoint::Listener listener;
  listener.up = [this] {
    logger("muster.cluster")->info("connected as {}", shared_.lease.jid.toString());
  };
  listener.down = [](const xmpp::DownEvent& event) {
    logger("muster.cluster")->warn("the address for leases is disconnected: {}", event.text);
  };
  lease_->addListener(std::move(listener));
  const Duration patience = std::max(config_.election.lease_ttl / kPatienceShare, kMinPatience);
  leader_watch_ =
      std::make_unique<LeaderWatch>(*lease_, shared_.lease.jid, SystemClock::forHolder(), patience,
                                    [this](const std::string& why) {
                                      logger("muster.cluster")->warn("{}", why);
                                      leadership_->depose();
                                    });
  answerStandby();
}

HighAvailability::~HighAvailability() {
  end();
}

void HighAvailability::start() {
  lease_link_->start();
  etcd::Leadership::Parts parts{
      *client_,
      SystemClock::forHolder(),
      [this](std::function<void()> what) { mailbox_.post(std::move(what)); },
      shared_.prefix,
      shared_.name,
      about(),
      [this](const std::string& said) { return read(said).name() == shared_.name; },
      shared_.leader_ttl,
      [this](const etcd::Term& term) { onWon(term); },
      [this](const std::string& why) { onLost(why); },
      [this](const std::string& said) { onLeader(said); },
      [this](const std::map<std::string, std::string>& all) {
        participants_.clear();
        for (const auto& [name, said] : all) participants_[name] = read(said);
      },
      [this](const Status& status) { onHealth(status); }};
  leadership_ = std::make_unique<etcd::Leadership>(std::move(parts));
}

void HighAvailability::stop(std::function<void()> stopped) {
  stopping_ = true;
  const auto finish = [this, stopped = std::move(stopped)] {
    end();
    lease_link_->stop();
    leader_watch_->watch(std::nullopt);
    leadership_.reset();
    stopped();
  };
  daemon_ ? daemon_->stop(finish) : finish();
}

std::string HighAvailability::about() const {
  v1::CoordinatorState state;
  state.set_name(shared_.name);
  state.set_address(shared_.lease.jid.toString());
  state.set_started(toRfc3339(started_));
  state.set_version(kVersion);
  return write(state);
}

// A node asks all of them while it doesn't know which one leads.
void HighAvailability::answerStandby() {
  lease_->handleIq(xmpp::Endpoint::IqType::kSet, "lease", xmpp::ns::kLease,
                   [](const xmpp::Element&, const xmpp::IqReply& reply) {
                     reply.error(xmpp::Condition::kRecipientUnavailable,
                                 "this coordinator doesn't lead");
                   });
}

void HighAvailability::onWon(const etcd::Term& term) {
  if (stopping_) return;
  leader_watch_->watch(std::nullopt);
  leads_since_ = SystemClock::forWaiter().wall();
  logger("muster.cluster")->info("{} leads, under term {}", shared_.name, term.create_revision);
  if (const Status status = lead(term); !status) {
    logger("muster.cluster")->critical("{} can't lead: {}", shared_.name, status.text());
    end();
    leadership_->giveUp(status.text(), kPause);
  }
}

Status HighAvailability::lead(const etcd::Term& term) {
  committer_ = std::make_unique<etcd::Committer>(etcd::Committer::Parts{
      *client_, SystemClock::forHolder(), shared_.prefix, term,
      [leadership = leadership_.get()] { return leadership->lastsUntil(); }});
  const auto written = committer_->read();
  if (!written) return written.status();
  const auto rows = etcd::rowsOf(*written);
  if (!rows) return rows.status();
  queue_ = std::make_unique<etcd::CommitQueue>(
      *committer_, [this](std::function<void()> what) { mailbox_.post(std::move(what)); });
  rows_ = std::make_unique<etcd::EtcdRows>(*queue_);
  store::CoordinatorStoreOptions options;
  options.audit_capacity = kSharedAuditEntries;
  options.history_capacity = kSharedHistoryEvents;
  auto store = store::openOnRows(*rows_, *rows, options);
  if (!store) return store.status();
  Daemon::Seat seat;
  seat.store = std::move(store).value();
  seat.lease = lease_.get();
  seat.lease_address = shared_.lease.jid;
  seat.coordinators = this;
  auto daemon = Daemon::make(config_, std::move(seat), [this](const Status& status) {
    logger("muster.store")
        ->critical("nothing may be promised any more that etcd does not hold: {}", status.text());
    leadership_->giveUp(status.text(), kPause);
  });
  if (!daemon) return daemon.status();
  daemon_ = std::move(daemon).value();
  daemon_->start();
  return Status::ok();
}

void HighAvailability::onLost(const std::string& why) {
  if (stopping_) return;
  logger("muster.cluster")->warn("{} does not lead any more: {}", shared_.name, why);
  end();
}

void HighAvailability::end() {
  const bool led = daemon_ != nullptr;
  daemon_.reset();
  rows_.reset();
  queue_.reset();
  committer_.reset();
  participants_.clear();
  leads_since_ = {};
  if (led) answerStandby();
}

void HighAvailability::onLeader(const std::string& said) {
  const v1::CoordinatorState state = read(said);
  const std::string& name = state.name();
  const auto address = Jid::parse(state.address());
  const bool other = name != shared_.name && address.isOk();
  leader_watch_->watch(other ? std::optional<Jid>(*address) : std::nullopt);
  if (name == leader_) return;
  leader_ = name;
  if (name.empty()) {
    logger("muster.cluster")->warn("no coordinator leads");
  } else if (name != shared_.name) {
    logger("muster.cluster")->info("{} leads; this one waits", name);
  }
}

void HighAvailability::onHealth(const Status& status) {
  if (status) {
    logger("muster.store")->info("etcd answers");
  } else {
    logger("muster.store")->error("{}", status.text());
  }
}

v1::CoordinatorsReply HighAvailability::coordinators() {
  v1::CoordinatorsReply reply;
  auto all = participants_;
  if (!all.contains(shared_.name)) all[shared_.name] = read(about());
  for (auto& [name, state] : all) {
    state.set_leads(name == shared_.name);
    if (state.leads()) state.set_leads_since(toRfc3339(leads_since_));
    *reply.add_coordinators() = state;
  }
  return reply;
}

}  // namespace muster::coordinator
