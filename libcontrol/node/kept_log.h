// The log that a node keeps: where records come in, and where they are found again.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "commands/logs.h"
#include "libcontrol/archive/archive.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/node/app_thread.h"
#include "libcontrol/records/mask.h"
#include "libcontrol/xmpp/mailbox.h"
#include "muster/node.h"

namespace muster {

// Masks what comes in, hands it to the log rules and keeps it. Of the nodes of a process one may
// keep the process's own records; the others keep what is offered to them. Any thread, but for
// commands::KeptLog and what follows it, which are for the event loop.
class KeptLog : public LogIntake, public commands::KeptLog {
 public:
  // Opens the archive and mends it, if one is wanted; where the disk doesn't let it, that is tried
  // again later and said in the log. Errors: kConflict, another process keeps its log there; those
  // of records::Masker.
  static Result<std::unique_ptr<KeptLog>> make(const LogOptions& options);
  ~KeptLog() override;
  KeptLog(const KeptLog&) = delete;
  KeptLog& operator=(const KeptLog&) = delete;

  // LogIntake
  Status offer(std::vector<LogRecord> records, std::optional<LogPosition> position,
               std::function<void(Status)> kept) override;
  void add(LogRecord record) override;
  void flush() override;
  bool isReady() const override { return !options_.keep || archive() != nullptr; }
  std::optional<std::string> place(const std::string& source) const override;

  std::shared_ptr<const records::Masker> masker() const { return masker_; }

  // What this process's loggers write is kept from now on, until stop().
  void start();
  void stop();

  // commands::KeptLog. Searches run on a thread of their own, one at a time.
  void search(const v1::LogsRequest& request,
              std::function<void(Result<v1::LogsReply>)> done) override;
  void topErrors(const v1::TopErrorsRequest& request,
                 std::function<void(Result<v1::TopErrorsReply>)> done) override;
  Result<v1::LogStoreReply> logStore() override;
  // Before the loop ends: searches that run are given up, and nobody is answered any more.
  void closeSearches();
  void openSearches();
  // Says in the log what has become wrong, or well again. To be called now and then.
  void housekeeping();

 private:
  KeptLog(const LogOptions& options, std::shared_ptr<const records::Masker> masker,
          std::shared_ptr<archive::Archive> archive, Status problem);
  // Null: nothing is kept, or can be now; see problem_.
  std::shared_ptr<archive::Archive> archive() const;
  Status whyNone() const;
  void openAgain();
  template <typename Reply>
  void inBackground(std::function<Result<Reply>()> work, std::function<void(Result<Reply>)> done);

  const LogOptions options_;
  const std::shared_ptr<const records::Masker> masker_;

  mutable std::mutex mutex_;  // guards the next two
  std::shared_ptr<archive::Archive> archive_;
  Status problem_;  // why the archive could not be opened
  std::atomic<bool> is_opening_{false};
  ElapsedTime open_again_{};  // the event loop's

  std::atomic<bool> cancelled_{false};
  std::atomic<size_t> searches_{0};
  std::unique_ptr<Mailbox> answers_;
  std::unique_ptr<AppThread> searcher_;
  bool was_stuck_ = false;
  size_t problems_told_ = 0;
  uint64_t shed_told_ = 0;
};

// What a query means of the log. kInvalidArgument with the field at fault.
Result<archive::Search> searchFor(const v1::LogsRequest& request);
Result<archive::Search> searchFor(const v1::TopErrorsRequest& request);

}  // namespace muster
