#include "bench/failover/candidate.h"

#include <grpcpp/grpcpp.h>
#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "etcd_watch.grpc.pb.h"
#include "libcontrol/etcd/client.h"

namespace muster::bench {
namespace {

namespace api = etcdserverpb;

constexpr Duration kCall = Duration::millis(500);
constexpr auto kRetry = std::chrono::milliseconds(50);

// One lease and one key, from its grant until it is over or given up.
class Candidacy {
 public:
  Candidacy(etcd::Client& client, api::Watch::Stub& watch, const CandidateConfig& config,
            const Teller& teller, etcd::Lease lease, int64_t granted_at)
      : client_(client),
        watch_(watch),
        config_(config),
        teller_(teller),
        lease_(lease),
        key_(config.prefix + std::to_string(lease.id)),
        renewed_at_(granted_at),
        keeper_([this] { keep(); }) {}

  ~Candidacy() {
    end();
    keeper_.join();
  }

  // Until the lease is over or resign() was called.
  void run() {
    etcd::Transaction put;
    put.then.push_back(etcd::Op::put(key_, "candidate", lease_.id));
    if (!client_.transact(put, kCall)) return;
    while (!isOver()) {
      const auto before = keyBefore();
      if (!before) return;
      if (before->key.empty()) return lead();
      awaitDeletion(*before);
    }
  }

  void resign() {
    const std::lock_guard lock(mutex_);
    resigning_ = true;
    changed_.notify_all();
  }

 private:
  bool isOver() {
    const std::lock_guard lock(mutex_);
    return over_;
  }

  // Whoever waits for a key to go, or leads, ends.
  void end() {
    const std::lock_guard lock(mutex_);
    over_ = true;
    if (watching_ != nullptr) watching_->TryCancel();
    changed_.notify_all();
  }

  // Every third of the lease.
  void keep() {
    std::unique_lock lock(mutex_);
    while (!over_) {
      changed_.wait_for(lock, std::chrono::nanoseconds((config_.ttl / 3).ns),
                        [this] { return over_; });
      if (over_) return;
      lock.unlock();
      const int64_t sent = nowNs();
      const auto kept = client_.keepAlive(lease_.id, kCall);
      if (kept) teller_.tell("renewed", sent);
      lock.lock();
      if (kept) {
        renewed_at_ = sent;
      } else if (kept.status().code() == Code::kNotFound || isOverdue()) {
        lock.unlock();
        return end();
      }
    }
  }

  // By our own clock, since etcd may be out of reach. mutex_ is held.
  bool isOverdue() const { return nowNs() >= renewed_at_ + config_.ttl.ns; }

  // The youngest of those that are older than ours: an empty key if ours is the oldest, nothing if
  // ours is gone.
  std::optional<etcd::KeyValue> keyBefore() {
    const auto keys = client_.list(config_.prefix, kCall);
    if (!keys) return std::nullopt;
    int64_t own = 0;
    for (const etcd::KeyValue& each : *keys) {
      if (each.key == key_) own = each.create_revision;
    }
    if (own == 0) return std::nullopt;
    etcd::KeyValue before;
    for (const etcd::KeyValue& each : *keys) {
      if (each.create_revision < own && each.create_revision > before.create_revision) {
        before = each;
      }
    }
    return before;
  }

  void awaitDeletion(const etcd::KeyValue& of) {
    grpc::ClientContext context;
    {
      const std::lock_guard lock(mutex_);
      if (over_) return;
      watching_ = &context;
    }
    const auto stream = watch_.Watch(&context);
    api::WatchRequest request;
    request.mutable_create_request()->set_key(of.key);
    // Nothing but its deletion can come after it was made.
    request.mutable_create_request()->set_start_revision(of.create_revision + 1);
    api::WatchResponse response;
    bool open = stream->Write(request);
    while (open) {
      open = stream->Read(&response) && !response.canceled();
      if (response.events_size() > 0) break;
    }
    const std::lock_guard lock(mutex_);
    watching_ = nullptr;
    context.TryCancel();
  }

  void lead() {
    teller_.tellActive();
    std::unique_lock lock(mutex_);
    while (!over_ && !resigning_ && !isOverdue()) {
      changed_.wait_for(lock, std::chrono::nanoseconds(renewed_at_ + config_.ttl.ns - nowNs() + 1));
    }
    lock.unlock();
    teller_.tell("stopped", nowNs());
    etcd::Transaction erase;
    erase.then.push_back(etcd::Op::erase(key_));
    (void)client_.transact(erase, kCall);
  }

  etcd::Client& client_;
  api::Watch::Stub& watch_;
  const CandidateConfig& config_;
  const Teller& teller_;
  const etcd::Lease lease_;
  const std::string key_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;                        // under mutex_
  bool resigning_ = false;                   // under mutex_
  grpc::ClientContext* watching_ = nullptr;  // under mutex_
  int64_t renewed_at_;                       // under mutex_; when it was asked for
  std::thread keeper_;
};

// Signals to whichever candidacy there is.
class Resigner {
 public:
  Resigner() {
    std::thread([this] {
      sigset_t wanted;
      sigemptyset(&wanted);
      sigaddset(&wanted, SIGUSR1);
      int signal = 0;
      while (sigwait(&wanted, &signal) == 0) {
        const std::lock_guard lock(mutex_);
        if (now_ != nullptr) now_->resign();
      }
    }).detach();
  }
  void point(Candidacy* candidacy) {
    const std::lock_guard lock(mutex_);
    now_ = candidacy;
  }

 private:
  std::mutex mutex_;
  Candidacy* now_ = nullptr;  // under mutex_
};

}  // namespace

Status stand(const CandidateConfig& config, const Teller& teller) {
  auto client = etcd::Client::make({{config.endpoint}, {}, {}, {}, {}, {}});
  if (!client) return client.status();
  const auto channel =
      grpc::CreateChannel(config.endpoint.substr(7), grpc::InsecureChannelCredentials());
  const auto watch = api::Watch::NewStub(channel);
  static Resigner resigner;  // its thread goes with the process
  while (true) {
    const int64_t asked = nowNs();
    const auto lease = (*client)->grant(config.ttl, kCall);
    if (!lease) {
      std::this_thread::sleep_for(kRetry);
      continue;
    }
    if (lease->ttl != config.ttl) {
      return {Code::kInvalidArgument, "etcd grants no lease of that length; it gives " +
                                          std::to_string(lease->ttl.toMillis()) + " ms"};
    }
    Candidacy candidacy(**client, *watch, config, teller, *lease, asked);
    resigner.point(&candidacy);
    candidacy.run();
    resigner.point(nullptr);
    (void)(*client)->revoke(lease->id, kCall);
  }
}

}  // namespace muster::bench
