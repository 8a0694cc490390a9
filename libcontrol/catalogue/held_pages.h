// Answers that are too long for one message: what is still to be fetched of them.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/base/clock.h"

namespace muster::catalogue {

// One answer for each key; limits::kMaxHeldAnswers of them and limits::kMaxHeldBytes in all, beyond
// which the oldest are forgotten, and limits::kSessionLife each since it was last asked for. One
// thread.
class HeldPages {
 public:
  // A full JID, and what tells its answers apart: the address, or the session.
  using Key = std::pair<std::string, std::string>;
  struct Page {
    std::string text;
    size_t number = 0;  // of this page; what was sent at once is the first
    size_t count = 0;   // of all pages
  };

  // Keeps pages[1] and on; pages[0] has been sent. Replaces what was held under that key.
  void hold(const Key& key, const std::vector<std::string>& pages, ElapsedTime now);
  // Takes the next page; nullopt if there is none, or none any more.
  std::optional<Page> next(const Key& key, ElapsedTime now);
  bool has(const Key& key, ElapsedTime now) const;
  void drop(const Key& key);
  size_t bytes() const { return bytes_; }

 private:
  struct Held {
    std::deque<std::string> pages;
    size_t count = 0;
    size_t bytes = 0;
    ElapsedTime used;
  };
  void makeRoom(ElapsedTime now);

  std::map<Key, Held> held_;
  size_t bytes_ = 0;
};

}  // namespace muster::catalogue
