#include "libcontrol/xmpp/element.h"

#include <gtest/gtest.h>

#include <QDomDocument>

namespace muster::xmpp {
namespace {

Element sample() {
  Element message("message", "jabber:client");
  message.setAttribute("to", "a@b.test/\"<&>'").setAttribute("xml:lang", "en");
  message.add("body").setText("2 < 3 & \"so\" on\n\xC3\xA9 \xF0\x9F\x8C\xB2");
  Element& forwarded = message.add("forwarded", "urn:xmpp:forward:0");
  forwarded.add("message", "jabber:client").add("body").setText("inner");
  forwarded.add("delay", "urn:xmpp:delay").setAttribute("stamp", "x");
  return message;
}

TEST(Element, WritesAndReadsBack) {
  const Element written = sample();
  for (const char* parent : {"", "jabber:client", "urn:other"}) {
    QByteArray xml = written.toXml(parent);
    if (std::string(parent) == "jabber:client") xml = "<s xmlns='jabber:client'>" + xml + "</s>";
    std::optional<Element> read = Element::parse(xml);
    ASSERT_TRUE(read) << xml.toStdString();
    if (read->name() == "s") read = *read->firstChild();
    EXPECT_EQ(*read, written) << xml.toStdString();
  }
}

TEST(Element, DeclaresANamespaceOnlyWhereItChanges) {
  EXPECT_EQ(sample().toXml("jabber:client").count("xmlns="), 3);
  Element iq("iq", "jabber:client");
  iq.add("query", "jabber:iq:roster").add("item");
  EXPECT_EQ(iq.toXml("jabber:client"),
            QByteArray("<iq><query xmlns=\"jabber:iq:roster\"><item/></query></iq>"));
  Element outer("a", "urn:a");
  outer.add("b", "");
  EXPECT_EQ(outer.toXml(), QByteArray("<a xmlns=\"urn:a\"><b xmlns=\"\"/></a>"));
}

TEST(Element, NeverWritesWhatXmlCannotHold) {
  Element element("a", "");
  element.setAttribute("k", std::string("x\0y\x1b", 4)).setText("l\x01o\x0bg\xEF\xBF\xBF\x7f\xff.");
  EXPECT_EQ(element.toXml(), QByteArray("<a k=\"xy\">log\x7f\xEF\xBF\xBD.</a>"));
  EXPECT_TRUE(Element::parse(element.toXml()));
}

TEST(Element, FromDomKeepsWhatItNeeds) {
  QDomDocument document;
  ASSERT_TRUE(document.setContent(
      QByteArray("<x:iq xmlns:x='jabber:client' xml:lang='de' x:odd='1' id='7'>one"
                 "<q xmlns='urn:q'><![CDATA[<two>]]></q>three</x:iq>"),
      true));
  const Element element = Element::fromDom(document.documentElement());
  EXPECT_TRUE(element.is("iq", "jabber:client"));
  EXPECT_EQ(element.attribute("xml:lang"), "de");
  EXPECT_EQ(element.attribute("id"), "7");
  EXPECT_FALSE(element.hasAttribute("odd"));
  EXPECT_EQ(element.text(), "onethree");
  ASSERT_NE(element.child("q", "urn:q"), nullptr);
  EXPECT_EQ(element.child("q", "urn:q")->text(), "<two>");
}

TEST(Element, ParseRefusesWhatIsNotOneDocument) {
  for (const char* xml : {"", "<a>", "<a/><b/>", "<a></b>", "<!DOCTYPE a><a/>", "text"})
    EXPECT_FALSE(Element::parse(xml)) << xml;
  QByteArray deep;
  for (int i = 0; i < 100; ++i) deep += "<a>";
  for (int i = 0; i < 100; ++i) deep += "</a>";
  EXPECT_FALSE(Element::parse(deep));
}

TEST(Element, SettingAnAttributeTwiceKeepsTheLast) {
  Element element("a", "");
  element.setAttribute("k", "1").setAttribute("k", "");
  EXPECT_TRUE(element.hasAttribute("k"));
  EXPECT_EQ(element.attribute("k"), "");
  EXPECT_FALSE(element.hasAttribute("other"));
}

}  // namespace
}  // namespace muster::xmpp
