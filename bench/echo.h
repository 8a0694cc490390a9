// The round trips that a command is compared with: the same bytes, answered by a trivial handler.
//
// <learn name='N'>ELEMENT</learn> teaches the responder an element; <echo answer='N'/> has it
// answered with that element. The text of a request is only there for its length.
#pragma once

#include <string>

#include "libcontrol/xmpp/element.h"
#include "libcontrol/xmpp/link.h"

namespace muster::bench {

inline constexpr char kNsEcho[] = "urn:muster:bench:echo";

inline size_t serialisedBytes(const xmpp::Element& payload) {
  return static_cast<size_t>(payload.toXml(xmpp::kNsClient).size());
}

// `element` with as much text as makes it `bytes` long on the wire; at least one letter.
inline xmpp::Element padded(xmpp::Element element, size_t bytes) {
  element.setText("x");
  const size_t least = serialisedBytes(element);
  if (bytes > least) element.setText(std::string(1 + bytes - least, 'x'));
  return element;
}

}  // namespace muster::bench
