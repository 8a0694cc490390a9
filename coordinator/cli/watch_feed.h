// Keeps a WatchModel up to date over one login, without ever waiting.
#pragma once

#include <QTimer>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/cli/client.h"
#include "coordinator/cli/verbs.h"
#include "coordinator/cli/watch_model.h"

namespace muster::cli {

// Asks every second for what the model shows, one question of a kind at a time. Lives on the main
// thread; client, catalogues and model must outlive it.
class WatchFeed {
 public:
  // `changed` is called after each change of the model.
  WatchFeed(Client& client, const Catalogues& catalogues, WatchModel& model,
            std::function<void()> changed);
  ~WatchFeed();
  WatchFeed(const WatchFeed&) = delete;
  WatchFeed& operator=(const WatchFeed&) = delete;

  // At once instead of at the next second.
  void refresh();
  // How wide the lines of a node's page may be.
  void setWidth(size_t columns) { columns_ = columns; }

 private:
  using Take = std::function<void(const google::protobuf::Message& reply)>;
  // Sends nothing while a question of that kind is open.
  void ask(const std::string& kind, const Jid& to, const catalogue::Command* command, Take take);
  void askDetail();
  void showDetail(const std::string& node);
  void failed(const std::string& kind, const xmpp::AdhocOutcome& outcome);

  Client& client_;
  const Catalogues& catalogues_;
  WatchModel& model_;
  const std::function<void()> changed_;
  size_t columns_ = 80;
  QTimer timer_;
  int round_ = 0;
  std::map<std::string, bool> open_;  // by kind
  // Of the node that is open: the text of each of its answers, in the order of the page.
  std::string detail_of_;
  std::map<size_t, std::string> detail_;
  xmpp::Endpoint::ListenerId listener_;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace muster::cli
