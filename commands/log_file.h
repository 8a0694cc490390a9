// Lines of logs as a text file behind a link.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "muster/cluster.pb.h"
#include "muster/node.pb.h"

namespace muster::commands {

struct LogFile {
  std::string name;  // "node1-logs-20261124T023000Z.txt"
  std::string text;  // a line for each record, of its time, node, level, logger and text
};

// Collects all pages of a search and hands them out as a file. One thread.
class LogFiles {
 public:
  struct Ports {
    // Puts the file where people can fetch it; its address, or why there is none. `done` is called
    // once.
    std::function<void(LogFile file, std::function<void(Result<std::string>)> done)> share;
    std::function<ElapsedTime()> now;
  };
  explicit LogFiles(Ports ports) : ports_(std::move(ports)) {}

  // `name` is what the logs are of. The request is complete, but for `limit`: without one all
  // lines are wanted, up to limits::kMaxLogFileBytes. `search` is asked for one page at a time.
  // The reply has no lines but the file's address, none if nothing matched; of a file that leaves
  // something out `looked_until` is where it ends, and `note` says why. kResourceExhausted: too
  // many are being made.
  template <typename Request, typename Reply>
  struct Wish {
    std::string name;
    Request request;
    WallTime wall;
    std::function<void(const Request&, std::function<void(Result<Reply>)>)> search;
    std::function<void(Result<Reply>, std::string note)> done;
  };
  void make(Wish<v1::LogsRequest, v1::LogsReply> wish);
  void make(Wish<v1::ClusterLogsRequest, v1::ClusterLogsReply> wish);

 private:
  template <typename Request, typename Reply>
  void start(Wish<Request, Reply> wish);

  const Ports ports_;
  std::shared_ptr<size_t> running_ = std::make_shared<size_t>(0);
};

}  // namespace muster::commands
