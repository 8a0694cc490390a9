// muster-keeper: what a muster-agent turns into once its inner process runs. Not for people to
// start.
#include <sys/prctl.h>

#include <charconv>
#include <iostream>
#include <string_view>

#include "node-agent/keeper/keeper.h"

namespace {

using muster::agent::Fd;
using muster::agent::LeaseWatch;

bool number(std::string_view text, int& out) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() && out > 0;
}

}  // namespace

// The process to keep, and the descriptor of the memory with its lease; what follows is for those
// who look at lists of processes.
int main(int argc, char** argv) {
  int inner = 0;
  int memory = 0;
  if (argc < 3 || !number(argv[1], inner) || !number(argv[2], memory)) {
    std::cerr << "muster-keeper: this is a part of muster-agent, which starts it itself\n";
    return 2;
  }
  // It is what users have started, and by that name they look for it.
  prctl(PR_SET_NAME, "muster-agent");
  const auto watch = LeaseWatch::in(Fd(memory));
  if (!watch) {
    std::cerr << "muster-agent: the lease of its inner process: " << watch.status().text() << "\n";
    return 1;
  }
  return muster::agent::keep(inner, **watch);
}
