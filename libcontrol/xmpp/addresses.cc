#include "libcontrol/xmpp/addresses.h"

#include <utility>

namespace muster::xmpp {

void Addresses::add(Address address) {
  const Jid bare = address.jid.bare();
  address.jid = bare;
  by_jid_.insert_or_assign(bare, std::move(address));
}

void Addresses::remove(const Jid& bare) {
  by_jid_.erase(bare.bare());
}

const Address* Addresses::find(const Jid& to) const {
  const auto found = by_jid_.find(to.bare());
  return found == by_jid_.end() ? nullptr : &found->second;
}

std::vector<Address> Addresses::all() const {
  std::vector<Address> out;
  out.reserve(by_jid_.size());
  for (const auto& [jid, address] : by_jid_) out.push_back(address);
  return out;
}

bool Addresses::answers(const Jid& from, const Jid& to) const {
  return find(to) != nullptr && roleOf(from).has_value();
}

}  // namespace muster::xmpp
