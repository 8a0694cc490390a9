// Reads an XMPP stream (RFC 6120, section 4) as its bytes arrive, in whatever pieces: header,
// stanzas, end. Work is linear in the bytes, however they are cut.
#pragma once

#include <QByteArray>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/base/limits.h"
#include "libcontrol/xmpp/element.h"

namespace muster::xmpp {

inline constexpr char kNsStreams[] = "http://etherx.jabber.org/streams";

// Finds where header, stanzas and end begin and stop, in constant memory, before any parser sees
// the bytes. Two kinds of trouble are told apart. What no server may forward (bytes that are not
// UTF-8, document types, comments and processing instructions, RFC 6120, section 11.1) is wrong and
// ends the stream. What any stranger may have forwarded to us but is out of bounds here spoils its
// stanza only: otherwise one legal message would cut a coordinator's or a node's connection.
class XmlGuard {
 public:
  enum class Cut {
    kNone,     // within the header, a stanza or the end tag
    kBetween,  // white space that belongs to none of them
    kHeader,   // the last byte of the stream's start tag
    kHead,     // the last byte of the start tag of a stanza that has content
    kStanza,   // the last byte of a stanza
    kEnd,      // the last byte of the stream's end tag
    kWrong,    // wrong() says what; no more bytes after that
  };
  Cut onByte(char c);

  const char* wrong() const { return wrong_; }
  // Why the current stanza, or the one just completed, is to be discarded; null: it is not.
  const char* spoiled() const { return spoiled_; }
  void spoil(const char* why) {
    if (spoiled_ == nullptr) spoiled_ = why;
  }

 private:
  Cut fail(const char* wrong) {
    wrong_ = wrong;
    return Cut::kWrong;
  }
  bool isUtf8(unsigned char c);
  Cut onText(char c);
  Cut onOpen(char c);
  Cut onTag(char c);
  Cut onTagEnd();
  Cut onBang(char c);
  Cut onCdata(char c);
  void countNameByte(char c);
  Cut close();

  enum class State { kText, kOpen, kTag, kQuoted, kDeclaration, kBang, kCdata };
  State state_ = State::kText;
  const char* wrong_ = nullptr;
  const char* spoiled_ = nullptr;
  bool began_ = false;    // A < was seen.
  bool closing_ = false;  // The tag is an end tag.
  char quote_ = 0;
  char last_ = 0;     // Of the tag, outside quotes.
  size_t depth_ = 0;  // Open elements, the stream's root included.
  size_t attributes_ = 0;
  size_t name_bytes_ = 0;
  size_t matched_ = 0;  // Of "[CDATA[" or "]]>".
  // Of a character of several bytes: how many are to come, and the range of the next.
  int utf8_left_ = 0;
  unsigned char utf8_low_ = 0x80;
  unsigned char utf8_high_ = 0xbf;
};

// What prefixes stand for, "" being the default namespace; the innermost are last.
using XmlBindings = std::vector<std::pair<std::string, std::string>>;

// Pull style, so that whoever handles a stanza may throw the reader away between two calls. Holds
// the bytes of one stanza, at most limits::kMaxStanzaBytes, and parses it when it is complete; of a
// stanza that is to be discarded it holds the start tag at most.
class XmlReader {
 public:
  enum class Event {
    kNeedMore,     // until more is fed
    kStreamStart,  // header() has the stream's attributes
    kStanza,       // stanza() has it
    kDiscarded,    // a stanza out of bounds has been passed over; discardReason() says which bound
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
  // Valid until the next call of next(). At kDiscarded it has name and attributes only, or nothing
  // if the start tag itself was out of bounds.
  Element& stanza() { return stanza_; }
  // "elements nested too deep"
  const std::string& discardReason() const { return discard_reason_; }
  // "invalid-xml: …": a condition of RFC 6120, section 4.9.3, a colon and what was found.
  const std::string& error() const { return error_; }

 private:
  void keep(const char* bytes, int size);
  Event onCut(XmlGuard::Cut cut);
  Event onHeader();
  Event onStanza();
  Event onEnd();
  Event discard(std::string reason, Element head);
  Event fail(std::string error);

  const std::string from_;
  const std::string to_;
  QByteArray input_;
  int input_at_ = 0;
  XmlGuard guard_;
  QByteArray piece_;   // The header, stanza or end tag as far as it has come.
  int head_size_ = 0;  // Of piece_: the stanza's start tag, once it is complete.
  bool started_ = false;
  bool over_ = false;
  QByteArray root_name_;  // With its prefix.
  XmlBindings bindings_;  // The header's.
  Element header_;
  Element stanza_;
  std::string discard_reason_;
  std::string error_;
};

}  // namespace muster::xmpp
