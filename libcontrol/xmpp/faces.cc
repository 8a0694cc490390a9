#include "libcontrol/xmpp/faces.h"

#include <utility>

namespace muster::xmpp {

CommandHandler commandHandler(catalogue::AdhocFace& face, Clock& clock) {
  return [&face, &clock](const CommandCall& call, std::function<void(CommandAnswer)> answer) {
    face.handle(call.from, {call.address.jid.toString(), call.address.implied_group}, call.command,
                clock.elapsed(), clock.wall(), std::move(answer));
  };
}

CommandsFor commandsFor(const catalogue::AdhocFace& face) {
  return [&face](const Jid& requester, const Address&) {
    std::vector<CommandItem> items;
    for (auto& item : face.items(requester).value_or(std::vector<catalogue::AdhocFace::Item>())) {
      items.push_back({std::move(item.node), std::move(item.name)});
    }
    return items;
  };
}

ChatHandler chatHandler(catalogue::ChatFace& face, Clock& clock) {
  return [&face, &clock](const ChatLine& line, SayPages say) {
    face.handle(line.from, {line.address.jid.toString(), line.address.implied_group}, line.body,
                clock.elapsed(), clock.wall(),
                [say = std::move(say)](const catalogue::ChatAnswer& answer) { say(answer.pages); });
  };
}

}  // namespace muster::xmpp
