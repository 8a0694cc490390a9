// Reads an XMPP stream (RFC 6120, section 4) as its bytes arrive, in whatever pieces: header,
// stanzas, end. Work is linear in the bytes, however they are cut.
#pragma once

#include <QByteArray>
#include <QXmlStreamReader>
#include <string>
#include <vector>

#include "libcontrol/base/limits.h"
#include "libcontrol/xmpp/element.h"

namespace muster::xmpp {

inline constexpr char kNsStreams[] = "http://etherx.jabber.org/streams";

// Looks at the bytes before the parser does and refuses what it must never get to see: document
// types, comments and processing instructions (RFC 6120, section 11.1), tags with so many
// attributes that comparing each with each would take seconds, and bytes that are not UTF-8, which
// Qt's decoder notices or not depending on how they are cut.
class XmlGuard {
 public:
  // Null, or what is wrong. After that it must not be fed again.
  const char* check(const char* bytes, size_t size);
  bool isInCdata() const { return state_ == State::kCdata; }

 private:
  bool isUtf8(unsigned char c);
  const char* onByte(char c);
  const char* onMarkup(char c);

  enum class State { kText, kOpen, kTag, kQuoted, kDeclaration, kBang, kCdata };
  State state_ = State::kText;
  bool began_ = false;  // Something but white space was seen.
  char quote_ = 0;
  size_t attributes_ = 0;
  size_t matched_ = 0;  // Of "[CDATA[" or "]]>".
  // Of a character of several bytes: how many are to come, and the range of the next.
  int utf8_left_ = 0;
  unsigned char utf8_low_ = 0x80;
  unsigned char utf8_high_ = 0xbf;
};

// Pull style, so that whoever handles a stanza may throw the reader away between two calls.
class XmlReader {
 public:
  enum class Event {
    kNeedMore,     // until more is fed
    kStreamStart,  // header() has the stream's attributes
    kStanza,       // stanza() has it
    kStreamEnd,    // the last event
    kError,        // the last event; error() says what is wrong
  };

  // Elements in namespace `from` are given out in namespace `to`: a component's stanzas look like a
  // client's. Empty: as they are.
  XmlReader(std::string from, std::string to) : from_(std::move(from)), to_(std::move(to)) {}
  XmlReader() = default;
  XmlReader(const XmlReader&) = delete;
  XmlReader& operator=(const XmlReader&) = delete;

  void feed(const QByteArray& bytes) { input_ += bytes; }
  Event next();

  // The root element without children; valid from kStreamStart on.
  const Element& header() const { return header_; }
  // Valid until the next call of next().
  Element& stanza() { return stanza_; }
  // "invalid-xml: …": a condition of RFC 6120, section 4.9.3, a colon and what was found.
  const std::string& error() const { return error_; }

 private:
  bool pushSlice();
  Event onToken(QXmlStreamReader::TokenType token);
  Event onStart();
  Event onEnd();
  Event fail(std::string error);
  Element current() const;

  const std::string from_;
  const std::string to_;
  QByteArray input_;
  int input_at_ = 0;
  XmlGuard guard_;
  QXmlStreamReader xml_;
  bool started_ = false;
  bool over_ = false;
  bool progressed_ = false;  // A stanza was completed within the current slice.
  char last_mark_ = '>';     // The last byte that is not white space.
  size_t pending_bytes_ = 0;
  std::vector<Element> open_;
  Element header_;
  Element stanza_;
  std::string error_;
};

}  // namespace muster::xmpp
