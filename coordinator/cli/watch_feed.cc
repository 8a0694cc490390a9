#include "coordinator/cli/watch_feed.h"

#include <utility>

#include "coordinator/cli/layout.h"
#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/binding.h"
#include "libcontrol/catalogue/reply_view.h"

namespace muster::cli {
namespace {

constexpr int kPeriodMs = 1000;
// History changes seldom, and its answer is long.
constexpr int kRoundsAHistory = 5;
constexpr Duration kAnswerLimit = Duration::seconds(5);

// A request with nothing but defaults; null if the command needs more.
std::unique_ptr<google::protobuf::Message> plainRequest(const catalogue::Command& command) {
  static const catalogue::OpenDirectory kAnyName;
  catalogue::Bound bound = catalogue::bind(command, {}, {v1::ROLE_ADMIN, "", &kAnyName});
  return bound.errors.empty() ? std::move(bound.request) : nullptr;
}

}  // namespace

WatchFeed::WatchFeed(Client& client, const Catalogues& catalogues, WatchModel& model,
                     std::function<void()> changed)
    : client_(client), catalogues_(catalogues), model_(model), changed_(std::move(changed)) {
  xmpp::Endpoint::Listener listener;
  listener.up = [this] {
    model_.setUp(client_.clock().wall());
    refresh();
    changed_();
  };
  listener.down = [this](const xmpp::DownEvent& event) {
    model_.setDown(event.text, client_.clock().wall());
    changed_();
  };
  listener_ = client_.endpoint().addListener(std::move(listener));
  QObject::connect(&timer_, &QTimer::timeout, [this] {
    refresh();
    // Ages grow even if no answer comes.
    changed_();
  });
  timer_.start(kPeriodMs);
}

WatchFeed::~WatchFeed() {
  client_.endpoint().removeListener(listener_);
}

void WatchFeed::refresh() {
  if (!client_.endpoint().isUp()) return;
  const Jid& coordinator = client_.coordinator();
  ask("status", coordinator, catalogues_.cluster.findMethod("Status"),
      [this](const google::protobuf::Message& reply) {
        model_.takeStatus(static_cast<const v1::StatusReply&>(reply), client_.clock().wall());
      });
  ask("nodes", coordinator, catalogues_.cluster.findMethod("Nodes"),
      [this](const google::protobuf::Message& reply) {
        model_.takeNodes(static_cast<const v1::NodesReply&>(reply), client_.clock().wall());
      });
  if (round_++ % kRoundsAHistory == 0) {
    ask("history", coordinator, catalogues_.cluster.find("history"),
        [this](const google::protobuf::Message& reply) {
          model_.takeHistory(catalogue::viewOf(reply));
        });
  }
  if (model_.page() == WatchPage::kNode) askDetail();
}

void WatchFeed::askDetail() {
  const std::string node = model_.openNode();
  if (node != detail_of_) detail_.clear();
  detail_of_ = node;
  const auto jid = Jid::parse(model_.openJid());
  if (!jid) return;
  size_t order = 0;
  for (const char* rpc : {"NodeInfo", "ServiceLevel", "LogLevel"}) {
    const catalogue::Command* command = catalogues_.node.findMethod(rpc);
    ask(std::string("node ") + rpc, *jid, command,
        [this, node, order, command](const google::protobuf::Message& reply) {
          if (node != detail_of_) return;
          detail_[order] =
              command->title + "\n" + replyText(catalogue::viewOf(reply), columns_) + "\n";
          showDetail(node);
        });
    ++order;
  }
}

void WatchFeed::showDetail(const std::string& node) {
  std::vector<std::string> lines;
  for (const auto& [order, text] : detail_) {
    size_t begin = 0;
    while (begin <= text.size()) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      lines.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  model_.takeDetail(node, std::move(lines));
}

void WatchFeed::ask(const std::string& kind, const Jid& to, const catalogue::Command* command,
                    Take take) {
  if (command == nullptr || open_[kind]) return;
  const auto request = plainRequest(*command);
  if (request == nullptr) return;
  xmpp::AdhocCall call = callFor(to, *command, *request);
  call.timeout = kAnswerLimit;
  open_[kind] = true;
  client_.requester().execute(call, [this, alive = std::weak_ptr(alive_), kind, command,
                                     take = std::move(take)](const xmpp::AdhocOutcome& outcome) {
    if (alive.expired()) return;
    open_[kind] = false;
    if (!outcome.isOk()) return failed(kind, outcome);
    const auto reply = command->parseReply(outcome.command.reply_type, outcome.command.reply_bytes);
    if (!reply) return;
    take(**reply);
    changed_();
  });
}

// Only what the overview rests on says something of the connection; a coordinator that is older
// than this program may not know the rest.
void WatchFeed::failed(const std::string& kind, const xmpp::AdhocOutcome& outcome) {
  if (kind != "status" || !client_.endpoint().isUp()) return;
  const bool silent = outcome.status.code() == Code::kTimeout && !outcome.error;
  model_.setDown(silent ? "the coordinator does not answer" : outcome.status.text(),
                 client_.clock().wall());
  changed_();
}

}  // namespace muster::cli
