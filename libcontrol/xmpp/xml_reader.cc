#include "libcontrol/xmpp/xml_reader.h"

#include <algorithm>
#include <cstring>

namespace muster::xmpp {

namespace {

// Large input goes to the parser in slices, so that the size of what is unfinished is known to that
// precision.
constexpr int kSliceBytes = 4096;

bool isSpace(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

}  // namespace

const char* XmlGuard::check(const char* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i)
    if (const char* wrong = onByte(bytes[i])) return wrong;
  return nullptr;
}

// Table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing above U+10FFFF.
bool XmlGuard::isUtf8(unsigned char c) {
  if (utf8_left_ > 0) {
    const bool fits = c >= utf8_low_ && c <= utf8_high_;
    --utf8_left_;
    utf8_low_ = 0x80;
    utf8_high_ = 0xbf;
    return fits;
  }
  if (c < 0x80) return true;
  if (c < 0xc2 || c > 0xf4) return false;
  utf8_left_ = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
  if (c == 0xe0) utf8_low_ = 0xa0;
  if (c == 0xed) utf8_high_ = 0x9f;
  if (c == 0xf0) utf8_low_ = 0x90;
  if (c == 0xf4) utf8_high_ = 0x8f;
  return true;
}

const char* XmlGuard::onByte(char c) {
  if (!isUtf8(static_cast<unsigned char>(c))) return "unsupported-encoding: not UTF-8";
  switch (state_) {
    case State::kText:
      if (c == '<')
        state_ = State::kOpen;
      else if (!began_ && !isSpace(c))
        return "invalid-xml: the stream does not begin with <";
      return nullptr;
    case State::kTag:
      if (c == '>') {
        state_ = State::kText;
      } else if (c == '"' || c == '\'') {
        quote_ = c;
        state_ = State::kQuoted;
        if (++attributes_ > limits::kMaxXmlAttributes)
          return "policy-violation: too many attributes in one tag";
      }
      return nullptr;
    case State::kQuoted:
      if (c == quote_) state_ = State::kTag;
      return nullptr;
    default:
      return onMarkup(c);
  }
}

const char* XmlGuard::onMarkup(char c) {
  static constexpr char kCdataStart[] = "[CDATA[";
  switch (state_) {
    case State::kOpen:
      if (c == '?' && began_) return "restricted-xml: a processing instruction";
      state_ = c == '?' ? State::kDeclaration : c == '!' ? State::kBang : State::kTag;
      began_ = true;
      attributes_ = 0;
      matched_ = 0;
      return nullptr;
    case State::kDeclaration:  // <?xml version='1.0'?> at the very beginning; the parser reads it.
      if (c == '>') state_ = State::kText;
      return nullptr;
    case State::kBang:
      if (c != kCdataStart[matched_]) return "restricted-xml: a comment or a document type";
      if (kCdataStart[++matched_] != 0) return nullptr;
      state_ = State::kCdata;
      matched_ = 0;
      return nullptr;
    default:  // kCdata: ends with two or more ] and >.
      if (c == ']')
        ++matched_;
      else if (c == '>' && matched_ >= 2)
        state_ = State::kText;
      else
        matched_ = 0;
      return nullptr;
  }
}

XmlReader::Event XmlReader::next() {
  if (over_) return error_.empty() ? Event::kStreamEnd : Event::kError;
  while (true) {
    // Qt reads an unfinished CDATA section anew with every piece: it gets to see whole ones.
    if (guard_.isInCdata()) {
      if (!pushSlice()) return over_ ? Event::kError : Event::kNeedMore;
      continue;
    }
    const auto token = xml_.readNext();
    if (token == QXmlStreamReader::Invalid) {
      if (xml_.error() != QXmlStreamReader::PrematureEndOfDocumentError)
        return fail("not-well-formed: " + xml_.errorString().toStdString());
      if (!pushSlice()) return over_ ? Event::kError : Event::kNeedMore;
      continue;
    }
    const Event event = onToken(token);
    if (event != Event::kNeedMore) return event;
  }
}

// Gives the parser more of the input; false if there is none or it is not fit to be given.
bool XmlReader::pushSlice() {
  const int size = std::min<int>(kSliceBytes, input_.size() - input_at_);
  if (size == 0) {
    input_.clear();
    input_at_ = 0;
    return false;
  }
  const char* bytes = input_.constData() + input_at_;
  if (const char* wrong = guard_.check(bytes, static_cast<size_t>(size))) {
    fail(wrong);
    return false;
  }
  const auto last = std::find_if_not(std::make_reverse_iterator(bytes + size),
                                     std::make_reverse_iterator(bytes), isSpace);
  const bool blank = last.base() == bytes;
  // White space between stanzas keeps connections alive and belongs to none of them.
  const bool idle = blank && open_.empty() && last_mark_ == '>';
  if (!blank) last_mark_ = *last;
  pending_bytes_ = progressed_ ? 0 : pending_bytes_;
  progressed_ = false;
  if (!idle) pending_bytes_ += static_cast<size_t>(size);
  if (pending_bytes_ > limits::kMaxStanzaBytes + kSliceBytes) {
    fail("policy-violation: a stanza of more than " + std::to_string(limits::kMaxStanzaBytes) +
         " bytes");
    return false;
  }
  xml_.addData(QByteArray::fromRawData(bytes, size));
  input_at_ += size;
  return true;
}

XmlReader::Event XmlReader::onToken(QXmlStreamReader::TokenType token) {
  switch (token) {
    case QXmlStreamReader::StartDocument: {
      const auto encoding = xml_.documentEncoding();
      if (!encoding.isEmpty() && encoding.compare(QLatin1String("utf-8"), Qt::CaseInsensitive) != 0)
        return fail("unsupported-encoding: " + encoding.toString().toStdString());
      return Event::kNeedMore;
    }
    case QXmlStreamReader::StartElement:
      return onStart();
    case QXmlStreamReader::EndElement:
      return onEnd();
    case QXmlStreamReader::Characters:
      if (!open_.empty())
        open_.back().appendText(xml_.text().toUtf8().toStdString());
      else if (!xml_.isWhitespace())
        return fail("bad-format: text between stanzas");
      return Event::kNeedMore;
    default:
      return fail("restricted-xml: " + xml_.tokenString().toStdString());
  }
}

XmlReader::Event XmlReader::onStart() {
  if (!started_) {
    header_ = Element::startOf(xml_);
    if (!header_.is("stream", kNsStreams))
      return fail("invalid-namespace: the stream begins with <" + header_.name() + " xmlns='" +
                  header_.ns() + "'>, not <stream xmlns='" + kNsStreams + "'>");
    started_ = true;
    progressed_ = true;
    return Event::kStreamStart;
  }
  if (open_.size() >= static_cast<size_t>(limits::kMaxXmlDepth))
    return fail("policy-violation: elements nested more than " +
                std::to_string(limits::kMaxXmlDepth) + " deep");
  open_.push_back(current());
  return Event::kNeedMore;
}

XmlReader::Event XmlReader::onEnd() {
  if (open_.empty()) {
    over_ = true;
    return Event::kStreamEnd;
  }
  Element done = std::move(open_.back());
  open_.pop_back();
  if (!open_.empty()) {
    open_.back().add(std::move(done));
    return Event::kNeedMore;
  }
  stanza_ = std::move(done);
  progressed_ = true;
  return Event::kStanza;
}

XmlReader::Event XmlReader::fail(std::string error) {
  over_ = true;
  error_ = std::move(error);
  return Event::kError;
}

Element XmlReader::current() const {
  Element element = Element::startOf(xml_);
  if (!from_.empty() && element.ns() == from_) element.setNs(to_);
  return element;
}

}  // namespace muster::xmpp
