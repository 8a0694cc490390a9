// What a link told, and waiting for it.
#pragma once

#include <QCoreApplication>
#include <QElapsedTimer>
#include <vector>

#include "libcontrol/xmpp/link.h"

namespace muster::xmpp {

// Runs the event loop until `done` or the time is up; returns what `done` says then.
template <typename Done>
bool runUntil(Done done, int most_ms = 60'000) {
  QElapsedTimer timer;
  timer.start();
  while (!done() && timer.elapsed() < most_ms)
    QCoreApplication::processEvents(QEventLoop::AllEvents | QEventLoop::WaitForMoreEvents, 20);
  return done();
}

inline void runFor(int ms) {
  runUntil([] { return false; }, ms);
}

// Must outlive the link.
struct LinkLog {
  explicit LinkLog(Link& link) : link(link) {
    link.onReceived([this](const Element& stanza) { stanzas.push_back(stanza); });
    link.onUp([this] { ++ups; });
    link.onDown([this](const DownEvent& event) { downs.push_back(event); });
  }
  bool up(int count) {
    return runUntil([&] { return ups >= count && link.isUp(); });
  }
  bool down(size_t count) {
    return runUntil([&] { return downs.size() >= count; });
  }
  bool received(size_t count) {
    return runUntil([&] { return stanzas.size() >= count; });
  }

  Link& link;
  std::vector<Element> stanzas;
  int ups = 0;
  std::vector<DownEvent> downs;
};

inline Element message(const std::string& to, const std::string& body) {
  Element message("message", kNsClient);
  message.setAttribute("to", to).setAttribute("type", "chat");
  message.add("body").setText(body);
  return message;
}

}  // namespace muster::xmpp
