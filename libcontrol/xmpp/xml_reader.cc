#include "libcontrol/xmpp/xml_reader.h"

#include <QXmlStreamReader>

namespace muster::xmpp {

namespace {

constexpr char kNsXml[] = "http://www.w3.org/XML/1998/namespace";

bool isSpace(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

std::string toUtf8(const QStringRef& text) {
  return text.toUtf8().toStdString();
}

// Turns one complete piece into a tree. Namespaces (XML Names 1.0) are resolved here: Qt ends the
// document at declarations that servers do forward, such as a second prefix for xml.
class TreeBuilder {
 public:
  TreeBuilder(const QByteArray& xml, const XmlBindings& outer, const std::string& from,
              const std::string& to)
      : xml_(xml), bindings_(outer), outer_(outer.size()), from_(from), to_(to) {
    xml_.setNamespaceProcessing(false);
  }

  // Both stop at the first trouble.
  void readStartTag() {
    while (open_.empty() && step()) continue;
    if (!open_.empty()) root_ = std::move(open_.front().element);
  }
  void readAll() {
    while (step()) continue;
    if (open_.empty()) return;
    root_ = std::move(open_.front().element);
    root_.setText({});
    root_.children().clear();
  }

  // If it was not read to its end, without text and children; empty if not even its start was.
  Element& root() { return root_; }
  const QByteArray& rootName() const { return root_name_; }
  const XmlBindings& bindings() const { return bindings_; }
  const std::string& spoiled() const { return spoiled_; }
  const std::string& error() const { return error_; }

 private:
  struct Open {
    Element element;
    size_t bindings;  // In force around it.
  };

  bool step();
  bool fail(std::string error) {
    error_ = std::move(error);
    return false;
  }
  bool spoil(std::string why) {
    spoiled_ = std::move(why);
    return false;
  }
  bool spend(size_t bytes);
  bool onStart();
  bool onEnd();
  bool bind(const QXmlStreamAttribute& declaration);
  bool addAttribute(const QXmlStreamAttribute& attribute, Element& element);
  const std::string* resolve(const QStringRef& prefix) const;

  QXmlStreamReader xml_;
  XmlBindings bindings_;
  const size_t outer_;
  const std::string& from_;
  const std::string& to_;
  std::vector<Open> open_;
  size_t spent_ = 0;
  Element root_;
  QByteArray root_name_;
  std::string spoiled_;
  std::string error_;
};

bool TreeBuilder::step() {
  switch (xml_.readNext()) {
    case QXmlStreamReader::StartDocument: {
      const auto encoding = xml_.documentEncoding();
      if (!encoding.isEmpty() && encoding.compare(QLatin1String("utf-8"), Qt::CaseInsensitive) != 0)
        return fail("unsupported-encoding: " + toUtf8(encoding));
      return true;
    }
    case QXmlStreamReader::StartElement:
      return onStart();
    case QXmlStreamReader::EndElement:
      return onEnd();
    case QXmlStreamReader::Characters: {
      const std::string text = toUtf8(xml_.text());
      open_.back().element.appendText(text);
      return spend(text.size());
    }
    case QXmlStreamReader::Invalid:
      return fail("not-well-formed: " + xml_.errorString().toStdString());
    default:
      return fail("restricted-xml: " + xml_.tokenString().toStdString());
  }
}

// A namespace is written once and stands in every element that it holds for: the tree can be
// thousands of times as large as its bytes.
bool TreeBuilder::spend(size_t bytes) {
  spent_ += bytes;
  return spent_ <= limits::kMaxStanzaTreeBytes || spoil("too large in memory");
}

bool TreeBuilder::onStart() {
  const size_t around = bindings_.size();
  const QXmlStreamAttributes attributes = xml_.attributes();
  for (const QXmlStreamAttribute& attribute : attributes)
    if (!bind(attribute)) return false;
  if (open_.empty()) root_name_ = xml_.qualifiedName().toUtf8();
  const std::string* ns = resolve(xml_.prefix());
  if (ns == nullptr) return spoil("a prefix that stands for nothing");
  const bool translated = !from_.empty() && *ns == from_;
  Element element(toUtf8(xml_.name()), translated ? to_ : *ns);
  if (!spend(sizeof(Open) + element.name().size() + element.ns().size())) return false;
  for (const QXmlStreamAttribute& attribute : attributes)
    if (!addAttribute(attribute, element)) return false;
  open_.push_back({std::move(element), around});
  return true;
}

bool TreeBuilder::onEnd() {
  Open done = std::move(open_.back());
  open_.pop_back();
  bindings_.resize(done.bindings);
  if (open_.empty()) {
    root_ = std::move(done.element);
    return false;
  }
  open_.back().element.add(std::move(done.element));
  return true;
}

bool TreeBuilder::bind(const QXmlStreamAttribute& declaration) {
  const bool is_default = declaration.qualifiedName() == QLatin1String("xmlns");
  if (!is_default && declaration.prefix() != QLatin1String("xmlns")) return true;
  const std::string prefix = is_default ? std::string() : toUtf8(declaration.name());
  std::string uri = toUtf8(declaration.value());
  if (prefix == "xmlns" || (prefix == "xml" && uri != kNsXml) || (!is_default && uri.empty()))
    return spoil("a namespace declaration that is not allowed");
  if (bindings_.size() - outer_ >= limits::kMaxXmlNamespaces)
    return spoil("more than " + std::to_string(limits::kMaxXmlNamespaces) +
                 " namespace declarations");
  bindings_.emplace_back(prefix, std::move(uri));
  return true;
}

bool TreeBuilder::addAttribute(const QXmlStreamAttribute& attribute, Element& element) {
  if (attribute.prefix() == QLatin1String("xmlns") ||
      attribute.qualifiedName() == QLatin1String("xmlns"))
    return true;
  std::string key = toUtf8(attribute.name());
  if (!attribute.prefix().isEmpty()) {
    const std::string* ns = resolve(attribute.prefix());
    if (ns == nullptr) return spoil("a prefix that stands for nothing");
    if (*ns != kNsXml) return true;
    key.insert(0, "xml:");
  }
  std::string value = toUtf8(attribute.value());
  const size_t bytes = sizeof key + key.size() + sizeof value + value.size();
  element.setAttribute(std::move(key), std::move(value));
  return spend(bytes);
}

const std::string* TreeBuilder::resolve(const QStringRef& prefix) const {
  static const std::string kNone;
  static const std::string kXml = kNsXml;
  const std::string wanted = toUtf8(prefix);
  for (auto binding = bindings_.rbegin(); binding != bindings_.rend(); ++binding)
    if (binding->first == wanted) return &binding->second;
  if (wanted == "xml") return &kXml;
  return wanted.empty() ? &kNone : nullptr;
}

}  // namespace

XmlGuard::Cut XmlGuard::onByte(char c) {
  if (!isUtf8(static_cast<unsigned char>(c))) return fail("unsupported-encoding: not UTF-8");
  if (static_cast<unsigned char>(c) < 0x20 && !isSpace(c))
    return fail("not-well-formed: a control character");
  switch (state_) {
    case State::kText:
      return onText(c);
    case State::kOpen:
      return onOpen(c);
    case State::kTag:
      return onTag(c);
    case State::kQuoted:
      if (c == quote_) state_ = State::kTag;
      return Cut::kNone;
    case State::kDeclaration:  // <?xml version='1.0'?> at the very beginning; the parser reads it.
      if (c == '>') state_ = State::kText;
      return Cut::kNone;
    case State::kBang:
      return onBang(c);
    case State::kCdata:
      return onCdata(c);
  }
  return Cut::kNone;
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

XmlGuard::Cut XmlGuard::onText(char c) {
  if (c == '<') {
    state_ = State::kOpen;
    if (depth_ == 1) spoiled_ = nullptr;
    return Cut::kNone;
  }
  if (depth_ > 1) return Cut::kNone;
  if (isSpace(c)) return Cut::kBetween;
  return fail(depth_ == 0 ? "invalid-xml: the stream does not begin with <"
                          : "bad-format: text between stanzas");
}

XmlGuard::Cut XmlGuard::onOpen(char c) {
  const bool first = !began_;
  began_ = true;
  closing_ = c == '/';
  last_ = 0;
  attributes_ = 0;
  name_bytes_ = 0;
  matched_ = 0;
  switch (c) {
    case '?':
      if (!first) return fail("restricted-xml: a processing instruction");
      state_ = State::kDeclaration;
      return Cut::kNone;
    case '!':
      state_ = State::kBang;
      return Cut::kNone;
    case '/':
      state_ = State::kTag;
      return Cut::kNone;
    case '>':
      return fail("not-well-formed: a tag without a name");
    default:
      state_ = State::kTag;
      return onTag(c);
  }
}

XmlGuard::Cut XmlGuard::onTag(char c) {
  switch (c) {
    case '>':
      return onTagEnd();
    case '<':
      return fail("not-well-formed: < within a tag");
    case '"':
    case '\'':
      quote_ = c;
      state_ = State::kQuoted;
      // The parser compares each with each.
      if (++attributes_ > limits::kMaxXmlAttributes) spoil("too many attributes in one tag");
      break;
    default:
      countNameByte(c);
  }
  last_ = c;
  return Cut::kNone;
}

// Parsers differ in which letters beyond ASCII may be in a name, and Qt's takes long ones for an
// error; no protocol here has either.
void XmlGuard::countNameByte(char c) {
  if (isSpace(c) || c == '=' || c == '/')
    name_bytes_ = 0;
  else if (++name_bytes_ > limits::kMaxXmlNameBytes)
    spoil("a name that is too long");
  if (static_cast<unsigned char>(c) >= 0x80) spoil("a name that is not ASCII");
}

XmlGuard::Cut XmlGuard::onTagEnd() {
  state_ = State::kText;
  if (closing_) return close();
  if (++depth_ > 1 + static_cast<size_t>(limits::kMaxXmlDepth)) spoil("elements nested too deep");
  if (last_ == '/') return close();
  return depth_ == 1 ? Cut::kHeader : depth_ == 2 ? Cut::kHead : Cut::kNone;
}

XmlGuard::Cut XmlGuard::close() {
  if (depth_ == 0) return fail("not-well-formed: an end tag at the beginning");
  --depth_;
  return depth_ == 0 ? Cut::kEnd : depth_ == 1 ? Cut::kStanza : Cut::kNone;
}

XmlGuard::Cut XmlGuard::onBang(char c) {
  static constexpr char kCdataStart[] = "[CDATA[";
  if (c != kCdataStart[matched_]) return fail("restricted-xml: a comment or a document type");
  if (kCdataStart[++matched_] != 0) return Cut::kNone;
  if (depth_ < 2) return fail("bad-format: text between stanzas");
  state_ = State::kCdata;
  matched_ = 0;
  return Cut::kNone;
}

// Ends with two or more ] and >.
XmlGuard::Cut XmlGuard::onCdata(char c) {
  if (c == ']')
    ++matched_;
  else if (c == '>' && matched_ >= 2)
    state_ = State::kText;
  else
    matched_ = 0;
  return Cut::kNone;
}

XmlReader::Event XmlReader::next() {
  if (over_) return error_.empty() ? Event::kStreamEnd : Event::kError;
  while (input_at_ < input_.size()) {
    const char* bytes = input_.constData();
    const int from = input_at_;
    auto cut = XmlGuard::Cut::kNone;
    while (input_at_ < input_.size() && cut == XmlGuard::Cut::kNone)
      cut = guard_.onByte(bytes[input_at_++]);
    // A run that ends between pieces may begin with the XML declaration.
    keep(bytes + from, input_at_ - from - (cut == XmlGuard::Cut::kBetween ? 1 : 0));
    const Event event = onCut(cut);
    if (event != Event::kNeedMore) return event;
  }
  input_.clear();
  input_at_ = 0;
  return Event::kNeedMore;
}

void XmlReader::keep(const char* bytes, int size) {
  if (static_cast<size_t>(piece_.size()) + static_cast<size_t>(size) > limits::kMaxStanzaBytes)
    guard_.spoil("too many bytes");
  if (guard_.spoiled() == nullptr)
    piece_.append(bytes, size);
  else if (piece_.size() > head_size_)
    piece_ = piece_.left(head_size_);  // A copy: what was held is given back.
}

XmlReader::Event XmlReader::onCut(XmlGuard::Cut cut) {
  switch (cut) {
    case XmlGuard::Cut::kWrong:
      return fail(guard_.wrong());
    case XmlGuard::Cut::kHeader:
      return onHeader();
    case XmlGuard::Cut::kHead:
      head_size_ = piece_.size();
      return Event::kNeedMore;
    case XmlGuard::Cut::kStanza:
      return onStanza();
    case XmlGuard::Cut::kEnd:
      return onEnd();
    default:
      // There is no stream yet that could go on without its header.
      if (!started_ && guard_.spoiled() != nullptr) return onHeader();
      return Event::kNeedMore;
  }
}

XmlReader::Event XmlReader::onHeader() {
  if (guard_.spoiled() != nullptr)
    return fail(std::string("policy-violation: the stream's header has ") + guard_.spoiled());
  TreeBuilder tree(piece_, {}, from_, to_);
  tree.readStartTag();
  if (!tree.error().empty()) return fail(tree.error());
  if (!tree.spoiled().empty()) return fail("bad-namespace-prefix: " + tree.spoiled());
  header_ = std::move(tree.root());
  if (!header_.is("stream", kNsStreams))
    return fail("invalid-namespace: the stream begins with <" + header_.name() + " xmlns='" +
                header_.ns() + "'>, not <stream xmlns='" + kNsStreams + "'>");
  root_name_ = tree.rootName();
  bindings_ = tree.bindings();
  piece_.clear();
  started_ = true;
  return Event::kStreamStart;
}

XmlReader::Event XmlReader::onStanza() {
  const QByteArray bytes = std::exchange(piece_, {});
  const int head_size = std::exchange(head_size_, 0);
  if (guard_.spoiled() != nullptr) {
    TreeBuilder head(bytes.left(head_size), bindings_, from_, to_);
    if (head_size > 0) head.readStartTag();
    return discard(guard_.spoiled(), std::move(head.root()));
  }
  TreeBuilder tree(bytes, bindings_, from_, to_);
  tree.readAll();
  if (!tree.error().empty()) return fail(tree.error());
  if (!tree.spoiled().empty()) return discard(tree.spoiled(), std::move(tree.root()));
  stanza_ = std::move(tree.root());
  return Event::kStanza;
}

XmlReader::Event XmlReader::onEnd() {
  if (!started_) return fail("bad-format: the stream ends where it begins");
  if (!piece_.startsWith("</" + root_name_) || piece_.size() < root_name_.size() + 3 ||
      !piece_.mid(root_name_.size() + 2).chopped(1).trimmed().isEmpty())
    return fail("not-well-formed: the stream begins with <" + root_name_.toStdString() +
                "> and ends with another tag");
  over_ = true;
  return Event::kStreamEnd;
}

XmlReader::Event XmlReader::discard(std::string reason, Element head) {
  discard_reason_ = std::move(reason);
  stanza_ = std::move(head);
  return Event::kDiscarded;
}

XmlReader::Event XmlReader::fail(std::string error) {
  over_ = true;
  error_ = std::move(error);
  return Event::kError;
}

}  // namespace muster::xmpp
