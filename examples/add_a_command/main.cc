// cache: a node with two commands of its own. cache.proto describes them; here stands what they do.
#include <csignal>
#include <cstdio>

#include "examples/add_a_command/cache.pb.h"
#include "examples/add_a_command/caches.h"
#include "muster/commands.h"
#include "muster/node.h"

namespace {

using cache::Caches;

muster::Result<cache::v1::StatsReply> stats(const cache::v1::StatsRequest& request,
                                            const Caches& caches) {
  cache::v1::StatsReply reply;
  for (const Caches::Stats& stats : caches.stats()) {
    if (request.has_cache() && stats.name != request.cache()) continue;
    cache::v1::CacheState* state = reply.add_caches();
    state->set_name(stats.name);
    state->set_entries(stats.entries);
    state->set_hit_percent(stats.hit_percent);
  }
  return reply;
}

muster::Result<cache::v1::FlushReply> flush(const cache::v1::FlushRequest& request,
                                            muster::Call& call, Caches& caches) {
  cache::v1::FlushReply reply;
  reply.set_cache(request.cache());
  reply.set_dropped(
      caches.flush(request.cache(), std::chrono::milliseconds(request.unused_for_ms())));
  call.note(call.caller() + " flushed " + request.cache() + ".");
  return reply;
}

muster::Commands commandsOf(Caches& caches) {
  muster::Commands out("cache.v1.CacheCommands");
  out.on<cache::v1::StatsRequest, cache::v1::StatsReply>(
      "Stats", [&](const auto& request, muster::Call&) { return stats(request, caches); });
  out.on<cache::v1::FlushRequest, cache::v1::FlushReply>(
      "Flush",
      [&](const auto& request, muster::Call& call) { return flush(request, call, caches); });
  out.names("caches", [&] { return caches.names(); });
  return out;
}

int complain(const muster::Status& status) {
  std::fprintf(stderr, "cache: %s\n", status.text().c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: cache NODE.TOML\n");
    return 2;
  }
  // Before any thread is made, so that all of them leave these signals to sigwait.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const auto options = muster::loadNodeOptions(argv[1]);
  if (!options) return complain(options.status());
  Caches caches({"pages", "sessions"});
  for (const char* key : {"a", "b", "a"}) caches.ask("pages", key);

  auto node = muster::Node::create(*options);
  if (!node) return complain(node.status());
  (*node)->addCommands(commandsOf(caches));
  if (const muster::Status started = (*node)->start(); !started) return complain(started);
  int signal = 0;
  sigwait(&signals, &signal);
  (*node)->stop();
  return 0;
}
