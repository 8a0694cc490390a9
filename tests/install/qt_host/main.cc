// An application that uses Qt itself: its event loop and the node's run side by side.
#include <QCoreApplication>
#include <QTimer>
#include <csignal>
#include <cstdio>

#include "muster/node.h"

namespace {

volatile std::sig_atomic_t ending = 0;

}  // namespace

int main(int argc, char** argv) {
  // Its constructor takes the locale of the environment.
  QCoreApplication application(argc, argv);
  if (argc != 2) return 2;
  std::signal(SIGTERM, [](int) { ending = 1; });

  const auto options = muster::loadNodeOptions(argv[1]);
  if (!options) return std::fprintf(stderr, "%s\n", options.status().text().c_str()), 2;
  auto node = muster::Node::create(*options);
  if (!node) return std::fprintf(stderr, "%s\n", node.status().text().c_str()), 1;
  muster::ServiceOptions service;
  service.objective_percent = 99.5;
  muster::Requests& user = (*node)->requests("user", service);
  user.good(999);
  user.bad(1);
  if (const muster::Status started = (*node)->start(); !started) {
    return std::fprintf(stderr, "%s\n", started.text().c_str()), 1;
  }
  QTimer timer;
  QObject::connect(&timer, &QTimer::timeout, &application, [&] {
    if (ending != 0) application.quit();
  });
  timer.start(50);
  std::printf("%.1f started\n", 99.9);
  std::fflush(stdout);
  const int code = application.exec();
  (*node)->stop();
  std::printf("%.1f stopped\n", 99.9);
  return code;
}
