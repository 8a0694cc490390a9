#include "libcontrol/xmpp/disco.h"

#include <QCryptographicHash>
#include <algorithm>
#include <array>
#include <utility>

#include "libcontrol/base/text.h"
#include "libcontrol/xmpp/namespaces.h"

namespace muster::xmpp {
namespace {

constexpr char kCapsNode[] = "urn:muster:caps:1";
// Part of the caps hash, hence the same everywhere; an address's own name is in its vCard.
constexpr char kIdentityName[] = "Muster";
constexpr size_t kMaxNameBytes = 256;

// In the order that XEP-0115, section 5.1, sorts them for its hash.
constexpr std::array kFeatures = {ns::kCommands, ns::kDiscoInfo, ns::kDiscoItems, ns::kVersion,
                                  ns::kDataForm, ns::kPing,      ns::kVCard};

struct Identity {
  const char* category;
  const char* type;
};

// A bare domain is the component itself; everybody else is something that people talk to.
Identity identityOf(const Jid& address) {
  const bool is_component = !address.isEmpty() && address.local().empty();
  return is_component ? Identity{"component", "generic"} : Identity{"client", "bot"};
}

std::string capsHash(const Identity& identity) {
  std::string text =
      std::string(identity.category) + "/" + identity.type + "//" + kIdentityName + "<";
  for (const char* feature : kFeatures) text += std::string(feature) + "<";
  return QCryptographicHash::hash(QByteArray::fromStdString(text), QCryptographicHash::Sha1)
      .toBase64()
      .toStdString();
}

void addIdentity(Element& query, const Identity& identity, const std::string& name) {
  Element& out = query.add("identity");
  out.setAttribute("category", identity.category);
  out.setAttribute("type", identity.type);
  out.setAttribute("name", singleLine(name, kMaxNameBytes));
}

void addFeature(Element& query, const char* feature) {
  query.add("feature").setAttribute("var", feature);
}

Element queryFor(const char* query_ns, const std::string& node) {
  Element query("query", query_ns);
  if (!node.empty()) query.setAttribute("node", node);
  return query;
}

const CommandItem* findCommand(const std::vector<CommandItem>& commands, const std::string& node) {
  const auto found = std::find_if(commands.begin(), commands.end(),
                                  [&node](const CommandItem& item) { return item.node == node; });
  return found == commands.end() ? nullptr : &*found;
}

}  // namespace

Disco::Disco(Endpoint& endpoint, const Addresses& addresses, CommandsFor commands_for,
             std::string version)
    : endpoint_(endpoint),
      addresses_(addresses),
      commands_for_(std::move(commands_for)),
      version_(std::move(version)) {
  using enum Endpoint::IqType;
  endpoint_.handleIq(kGet, "query", ns::kDiscoInfo,
                     [this](const Element& iq, const IqReply& reply) { onInfo(iq, reply); });
  endpoint_.handleIq(kGet, "query", ns::kDiscoItems,
                     [this](const Element& iq, const IqReply& reply) { onItems(iq, reply); });
  endpoint_.handleIq(kGet, "vCard", ns::kVCard,
                     [this](const Element& iq, const IqReply& reply) { onVCard(iq, reply); });
  endpoint_.handleIq(kGet, "query", ns::kVersion,
                     [this](const Element& iq, const IqReply& reply) { onVersion(iq, reply); });
  endpoint_.setPingPolicy(
      [this](const Jid& from, const Jid& to) { return addresses_.answers(from, to); });
}

Disco::~Disco() {
  using enum Endpoint::IqType;
  endpoint_.setPingPolicy({});
  endpoint_.removeIqHandler(kGet, "query", ns::kDiscoInfo);
  endpoint_.removeIqHandler(kGet, "query", ns::kDiscoItems);
  endpoint_.removeIqHandler(kGet, "vCard", ns::kVCard);
  endpoint_.removeIqHandler(kGet, "query", ns::kVersion);
}

const Address* Disco::admit(const Element& iq, const IqReply& reply) const {
  const auto from = jidAttribute(iq, "from");
  const Jid to = jidAttribute(iq, "to").value_or(endpoint_.jid());
  if (from && addresses_.answers(*from, to)) return addresses_.find(to);
  reply.error(Condition::kServiceUnavailable);
  return nullptr;
}

void Disco::onInfo(const Element& iq, const IqReply& reply) const {
  const Address* address = admit(iq, reply);
  if (address == nullptr) return;
  const std::string& node = iq.firstChild()->attribute("node");
  Element query = queryFor(ns::kDiscoInfo, node);
  const Identity identity = identityOf(address->jid);
  if (node.empty() || node == std::string(kCapsNode) + "#" + capsHash(identity)) {
    addIdentity(query, identity, kIdentityName);
    for (const char* feature : kFeatures) addFeature(query, feature);
    return reply.result(std::move(query));
  }
  if (node == ns::kCommands) {
    addIdentity(query, {"automation", "command-list"}, "Commands");
    addFeature(query, ns::kCommands);
    return reply.result(std::move(query));
  }
  const auto commands = commands_for_(*jidAttribute(iq, "from"), *address);
  const CommandItem* command = findCommand(commands, node);
  if (command == nullptr) return reply.error(Condition::kItemNotFound);
  addIdentity(query, {"automation", "command-node"}, command->name);
  addFeature(query, ns::kCommands);
  addFeature(query, ns::kDataForm);
  reply.result(std::move(query));
}

void Disco::onItems(const Element& iq, const IqReply& reply) const {
  const Address* address = admit(iq, reply);
  if (address == nullptr) return;
  const std::string& node = iq.firstChild()->attribute("node");
  Element query = queryFor(ns::kDiscoItems, node);
  if (node.empty()) {
    // The component shows its contacts.
    for (const Address& other : addresses_.all()) {
      if (!address->jid.local().empty() || other.kind != AddressKind::kGroup) continue;
      Element& item = query.add("item");
      item.setAttribute("jid", other.jid.toString());
      item.setAttribute("name", singleLine(other.name, kMaxNameBytes));
    }
    return reply.result(std::move(query));
  }
  const auto commands = commands_for_(*jidAttribute(iq, "from"), *address);
  if (node == ns::kCommands) {
    const std::string jid = jidAttribute(iq, "to").value_or(endpoint_.jid()).toString();
    for (const CommandItem& command : commands) {
      Element& item = query.add("item");
      item.setAttribute("jid", jid);
      item.setAttribute("node", command.node);
      item.setAttribute("name", singleLine(command.name, kMaxNameBytes));
    }
  } else if (findCommand(commands, node) == nullptr) {
    return reply.error(Condition::kItemNotFound);
  }
  reply.result(std::move(query));
}

void Disco::onVCard(const Element& iq, const IqReply& reply) const {
  const Address* address = admit(iq, reply);
  if (address == nullptr) return;
  Element card("vCard", ns::kVCard);
  card.add("FN").setText(singleLine(address->name, kMaxNameBytes));
  card.add("NICKNAME").setText(singleLine(address->name, kMaxNameBytes));
  reply.result(std::move(card));
}

void Disco::onVersion(const Element& iq, const IqReply& reply) const {
  if (admit(iq, reply) == nullptr) return;
  Element query("query", ns::kVersion);
  query.add("name").setText("Muster");
  query.add("version").setText(singleLine(version_, kMaxNameBytes));
  reply.result(std::move(query));
}

Element capsElement(const Jid& from) {
  Element caps("c", ns::kCaps);
  caps.setAttribute("hash", "sha-1");
  caps.setAttribute("node", kCapsNode);
  caps.setAttribute("ver", capsHash(identityOf(from.bare())));
  return caps;
}

}  // namespace muster::xmpp
