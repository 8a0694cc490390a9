#include "libcontrol/xmpp/element.h"

#include <QDomElement>
#include <QXmlStreamReader>
#include <QXmlStreamWriter>

#include "libcontrol/base/limits.h"

namespace muster::xmpp {

namespace {

constexpr char kNsXml[] = "http://www.w3.org/XML/1998/namespace";

// The Char production of XML 1.0, without the surrogates, which are judged in pairs.
bool isXmlChar(ushort c) {
  return c >= 0x20 ? (c < 0xd800 || (c > 0xdfff && c < 0xfffe))
                   : (c == '\t' || c == '\n' || c == '\r');
}

// What a peer's parser would end the stream for is left out: one odd byte in a log line must not
// cost the connection.
QString legalText(std::string_view utf8) {
  QString text = QString::fromUtf8(utf8.data(), static_cast<int>(utf8.size()));
  QString legal;
  int kept = 0;
  for (int i = 0; i < text.size(); ++i) {
    const QChar c = text.at(i);
    if (isXmlChar(c.unicode())) continue;
    if (c.isHighSurrogate() && i + 1 < text.size() && text.at(i + 1).isLowSurrogate()) {
      ++i;
      continue;
    }
    legal.append(text.constData() + kept, i - kept);
    kept = i + 1;
  }
  if (kept == 0) return text;
  legal.append(text.constData() + kept, text.size() - kept);
  return legal;
}

QString toQt(std::string_view text) {
  return QString::fromUtf8(text.data(), static_cast<int>(text.size()));
}

Element fromDomAt(const QDomElement& dom, int depth) {
  const QString name = dom.localName().isEmpty() ? dom.tagName() : dom.localName();
  Element element(name.toStdString(), dom.namespaceURI().toStdString());
  const QDomNamedNodeMap attributes = dom.attributes();
  for (int i = 0; i < attributes.count(); ++i) {
    const QDomAttr attribute = attributes.item(i).toAttr();
    if (attribute.namespaceURI() == QLatin1String(kNsXml)) {
      element.setAttribute("xml:" + attribute.localName().toStdString(),
                           attribute.value().toStdString());
    } else if (attribute.namespaceURI().isEmpty()) {
      element.setAttribute(attribute.name().toStdString(), attribute.value().toStdString());
    }
  }
  for (QDomNode node = dom.firstChild(); !node.isNull(); node = node.nextSibling()) {
    if (node.isText()) element.appendText(node.nodeValue().toStdString());
    if (node.isElement() && depth < limits::kMaxXmlDepth)
      element.add(fromDomAt(node.toElement(), depth + 1));
  }
  return element;
}

}  // namespace

const std::string& Element::attribute(std::string_view name) const {
  static const std::string kNone;
  for (const auto& [key, value] : attributes_)
    if (key == name) return value;
  return kNone;
}

bool Element::hasAttribute(std::string_view name) const {
  for (const auto& [key, value] : attributes_)
    if (key == name) return true;
  return false;
}

Element& Element::setAttribute(std::string name, std::string value) {
  for (auto& [key, old] : attributes_) {
    if (key == name) {
      old = std::move(value);
      return *this;
    }
  }
  attributes_.emplace_back(std::move(name), std::move(value));
  return *this;
}

Element& Element::setText(std::string text) {
  text_ = std::move(text);
  return *this;
}

Element& Element::add(Element child) {
  children_.push_back(std::move(child));
  return children_.back();
}

const Element* Element::child(std::string_view name, std::string_view ns) const {
  for (const Element& child : children_)
    if (child.is(name, ns)) return &child;
  return nullptr;
}

Element Element::fromDom(const QDomElement& dom) {
  return dom.isNull() ? Element() : fromDomAt(dom, 1);
}

void Element::write(QXmlStreamWriter& writer, std::string_view parent_ns) const {
  if (name_.empty()) return;
  writer.writeStartElement(toQt(name_));
  if (ns_ != parent_ns) writer.writeDefaultNamespace(toQt(ns_));
  for (const auto& [key, value] : attributes_) writer.writeAttribute(toQt(key), legalText(value));
  if (!text_.empty()) writer.writeCharacters(legalText(text_));
  for (const Element& child : children_) child.write(writer, ns_);
  writer.writeEndElement();
}

QByteArray Element::toXml(std::string_view parent_ns) const {
  QByteArray xml;
  QXmlStreamWriter writer(&xml);
  write(writer, parent_ns);
  return xml;
}

std::optional<Element> Element::parse(const QByteArray& xml) {
  QXmlStreamReader reader(xml);
  std::vector<Element> open;
  std::optional<Element> root;
  while (!reader.atEnd()) {
    switch (reader.readNext()) {
      case QXmlStreamReader::StartElement:
        if (open.size() >= static_cast<size_t>(limits::kMaxXmlDepth)) return std::nullopt;
        open.push_back(startOf(reader));
        break;
      case QXmlStreamReader::EndElement: {
        Element done = std::move(open.back());
        open.pop_back();
        if (open.empty())
          root = std::move(done);
        else
          open.back().add(std::move(done));
        break;
      }
      case QXmlStreamReader::Characters:
        if (!open.empty()) open.back().appendText(reader.text().toUtf8().toStdString());
        break;
      case QXmlStreamReader::DTD:
        return std::nullopt;
      default:
        break;
    }
  }
  if (reader.hasError()) return std::nullopt;
  return root;
}

Element Element::startOf(const QXmlStreamReader& reader) {
  Element element(reader.name().toUtf8().toStdString(),
                  reader.namespaceUri().toUtf8().toStdString());
  const QXmlStreamAttributes attributes = reader.attributes();
  for (const QXmlStreamAttribute& attribute : attributes) {
    std::string key = attribute.name().toUtf8().toStdString();
    if (attribute.namespaceUri() == QLatin1String(kNsXml))
      key.insert(0, "xml:");
    else if (!attribute.namespaceUri().isEmpty())
      continue;
    element.setAttribute(std::move(key), attribute.value().toUtf8().toStdString());
  }
  return element;
}

}  // namespace muster::xmpp
