// What the commands have in common that list numbered lines, the newest first, a page at a time.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "libcontrol/catalogue/handlers.h"

namespace muster::commands {

// A page that a phone still shows.
inline constexpr uint32_t kPageLines = 20;

// Asks `source.query(request, wall clock)` for at most as many lines as the request's `limit` says,
// or kPageLines, and says how to go on where there may be more. `lines` gives the repeated field of
// a reply whose elements have a `seq`; `what` names them: "lines", "events".
template <typename Request, typename Reply, typename Source, typename Lines>
void answerPage(Request request, catalogue::CallContext& context,
                const catalogue::Responder<Reply>& responder, Source& source, Lines lines,
                const std::string& what) {
  if (!request.has_limit()) request.set_limit(kPageLines);
  auto reply = source.query(request, context.wall());
  if (!reply) return responder.fail(reply.status());
  const auto& page = lines(*reply);
  if (page.empty()) {
    context.note("There are no " + what + " that match.");
  } else if (static_cast<uint32_t>(page.size()) == request.limit()) {
    context.note("Older " + what + ": before=" + std::to_string(page.Get(page.size() - 1).seq()) +
                 ".");
  }
  responder.reply(std::move(reply).value());
}

}  // namespace muster::commands
