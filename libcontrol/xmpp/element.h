// An XML element as a plain tree: the one form in which stanzas are held, whoever reads or writes
// them. Payload, parsing and serialising are three things; this is what they share.
#pragma once

#include <QByteArray>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

class QDomElement;
class QXmlStreamReader;
class QXmlStreamWriter;

namespace muster::xmpp {

// UTF-8 throughout. Text is the concatenation of the element's own character data; mixed content
// keeps no order between text and children, which no protocol here needs.
class Element {
 public:
  Element() = default;
  Element(std::string name, std::string ns) : name_(std::move(name)), ns_(std::move(ns)) {}

  const std::string& name() const { return name_; }
  const std::string& ns() const { return ns_; }
  Element& setNs(std::string ns) {
    ns_ = std::move(ns);
    return *this;
  }
  bool is(std::string_view name, std::string_view ns) const { return name_ == name && ns_ == ns; }

  // Empty if not there; hasAttribute tells the difference. "xml:lang" is written with its prefix.
  const std::string& attribute(std::string_view name) const;
  bool hasAttribute(std::string_view name) const;
  Element& setAttribute(std::string name, std::string value);

  const std::string& text() const { return text_; }
  Element& setText(std::string text);
  void appendText(std::string_view text) { text_ += text; }

  const std::vector<Element>& children() const { return children_; }
  std::vector<Element>& children() { return children_; }
  // Returns the child, now in the tree; the reference holds until the next child is added.
  Element& add(Element child);
  Element& add(std::string name, std::string ns) {
    return add(Element(std::move(name), std::move(ns)));
  }
  // Like add, in this element's own namespace.
  Element& add(std::string name) { return add(Element(std::move(name), ns_)); }
  // The first child of that name and namespace, or null.
  const Element* child(std::string_view name, std::string_view ns) const;
  const Element* firstChild() const { return children_.empty() ? nullptr : &children_.front(); }

  // Reads and writes; writing declares a default namespace wherever it changes, starting from
  // `parent_ns` (the stream's own). Characters that XML cannot hold are left out when writing;
  // attributes of a namespace other than xml: are left out when reading.
  static Element fromDom(const QDomElement& dom);
  void write(QXmlStreamWriter& writer, std::string_view parent_ns) const;
  QByteArray toXml(std::string_view parent_ns = {}) const;
  // A whole document in memory; for tests and files. Empty if it is not well-formed.
  static std::optional<Element> parse(const QByteArray& xml);
  // The start tag on which the reader stands, without text or children.
  static Element startOf(const QXmlStreamReader& reader);

  bool operator==(const Element&) const = default;

 private:
  std::string name_;
  std::string ns_;
  std::string text_;
  std::vector<std::pair<std::string, std::string>> attributes_;
  std::vector<Element> children_;
};

}  // namespace muster::xmpp
