#include "coordinator/cli/watch.h"

#include <signal.h>
#include <unistd.h>

#include <QEventLoop>
#include <QSocketNotifier>
#include <memory>
#include <utility>

#include "coordinator/cli/client.h"
#include "coordinator/cli/terminal.h"
#include "coordinator/cli/watch_feed.h"
#include "coordinator/cli/watch_model.h"
#include "coordinator/cli/watch_screen.h"
#include "coordinator/cli/watch_view.h"
#include "muster/cluster.pb.h"

namespace muster::cli {
namespace {

// Screen, model and feed, tied together by the event loop.
class Watch {
 public:
  Watch(Client& client, const Catalogues& catalogues, WatchScreen& screen)
      : client_(client),
        screen_(screen),
        model_(client.coordinator().toString()),
        feed_(client, catalogues, model_, [this] { paint(); }),
        signals_({SIGINT, SIGTERM, SIGHUP, SIGWINCH}, [this](int number) { onSignal(number); }),
        keys_(STDIN_FILENO, QSocketNotifier::Read) {
    QObject::connect(&keys_, &QSocketNotifier::activated, [this] { onKeys(); });
    model_.setUp(client_.clock().wall());
  }

  void run() {
    feed_.refresh();
    paint();
    loop_.exec();
  }

 private:
  void paint() {
    const ScreenSize size = screen_.size();
    feed_.setWidth(size.columns);
    const Room room = roomFor(model_, size);
    model_.setRoom(room.nodes, room.page);
    screen_.paint(watchLines(model_, size, client_.clock().wall()));
  }

  void onSignal(int number) {
    if (number != SIGWINCH) return loop_.quit();
    screen_.takeNewSize();
    paint();
  }

  void onKeys() {
    while (true) {
      const auto input = screen_.read();
      if (!input) return loop_.quit();
      if (!*input) break;
      if ((*input)->quit) return loop_.quit();
      if ((*input)->key) model_.press(*(*input)->key);
      // A page that was just opened is empty.
      if ((*input)->refresh || (*input)->key == WatchKey::kOpen) feed_.refresh();
    }
    paint();
  }

  Client& client_;
  WatchScreen& screen_;
  QEventLoop loop_;
  WatchModel model_;
  WatchFeed feed_;
  const Signals signals_;
  QSocketNotifier keys_;
};

}  // namespace

Exit runWatch(const Settings& settings, const Catalogues& catalogues) {
  if (Status can = WatchScreen::check(); !can) return report(settings.json, can);
  auto login = loginFrom(settings);
  if (!login) return report(settings.json, login.status());
  Client client(std::move(login).value());
  client.setDeadline(settings.timeout.value_or(kDefaultTimeout));
  // Whoever has no role learns it here, and not from a screen that stays empty.
  const auto first =
      callCluster<v1::StatusReply>(client, catalogues.cluster, "Status", v1::StatusRequest());
  if (!first) return report(settings.json, first.status());
  auto screen = WatchScreen::open();
  if (!screen) return report(settings.json, screen.status());
  Watch(client, catalogues, **screen).run();
  return Exit::kDone;
}

}  // namespace muster::cli
