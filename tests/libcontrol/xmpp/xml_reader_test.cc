#include "libcontrol/xmpp/xml_reader.h"

#include <gtest/gtest.h>

#include <ctime>

namespace muster::xmpp {
namespace {

constexpr char kHead[] =
    "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
    "xmlns:stream='http://etherx.jabber.org/streams' id='s&lt;1' from='muster.test'>";

struct Outcome {
  std::vector<Element> stanzas;
  std::vector<std::string> discarded;
  std::vector<Element> heads;  // Of those.
  bool started = false;
  bool ended = false;
  std::string error;
  bool operator==(const Outcome&) const = default;
};

void drain(XmlReader& reader, Outcome& outcome) {
  while (true) {
    switch (reader.next()) {
      case XmlReader::Event::kNeedMore:
        return;
      case XmlReader::Event::kStreamStart:
        outcome.started = true;
        break;
      case XmlReader::Event::kStanza:
        outcome.stanzas.push_back(reader.stanza());
        break;
      case XmlReader::Event::kDiscarded:
        outcome.discarded.push_back(reader.discardReason());
        outcome.heads.push_back(reader.stanza());
        break;
      case XmlReader::Event::kStreamEnd:
        outcome.ended = true;
        return;
      case XmlReader::Event::kError:
        outcome.error = reader.error();
        return;
    }
  }
}

// Fed in pieces of `step` bytes, the first of `first` bytes.
Outcome readIn(const QByteArray& bytes, int first, int step) {
  XmlReader reader("jabber:component:accept", "jabber:client");
  Outcome outcome;
  int at = 0;
  for (int size = first; at < bytes.size() && outcome.error.empty(); size = step) {
    reader.feed(bytes.mid(at, size));
    drain(reader, outcome);
    at += size;
  }
  return outcome;
}

Outcome readAll(const QByteArray& bytes) {
  return readIn(bytes, bytes.size(), bytes.size());
}

QByteArray conversation() {
  return QByteArray(kHead) +
         "\n <message to='a@b' xml:lang='en'><body>\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8C\xB2 &amp; "
         "&#x1F332; "
         "&lt;</body><x xmlns='urn:x' a=\"it's &quot;>&quot;\"><![CDATA[]]<a>]]]></x></message> "
         "<iq id='1' type='get'><ping xmlns='urn:xmpp:ping'/></iq><presence/>\n"
         "<message><body>]] ></body></message></stream:stream>";
}

TEST(XmlReader, GivesHeaderStanzasAndEnd) {
  XmlReader reader("jabber:component:accept", "jabber:client");
  reader.feed(conversation());
  ASSERT_EQ(reader.next(), XmlReader::Event::kStreamStart);
  EXPECT_EQ(reader.header().attribute("id"), "s<1");
  EXPECT_EQ(reader.header().attribute("from"), "muster.test");
  ASSERT_EQ(reader.next(), XmlReader::Event::kStanza);
  EXPECT_TRUE(reader.stanza().is("message", "jabber:client"));
  EXPECT_EQ(reader.stanza().attribute("xml:lang"), "en");
  EXPECT_EQ(reader.stanza().child("body", "jabber:client")->text(),
            "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8C\xB2 & \xF0\x9F\x8C\xB2 <");
  EXPECT_EQ(reader.stanza().child("x", "urn:x")->text(), "]]<a>]");
  EXPECT_EQ(reader.stanza().child("x", "urn:x")->attribute("a"), "it's \">\"");
  const Outcome rest = [&] {
    Outcome outcome;
    drain(reader, outcome);
    return outcome;
  }();
  EXPECT_EQ(rest.stanzas.size(), 3u);
  EXPECT_TRUE(rest.ended);
  EXPECT_EQ(reader.next(), XmlReader::Event::kStreamEnd);
}

TEST(XmlReader, EverySplitGivesTheSame) {
  const QByteArray bytes = conversation();
  const Outcome whole = readAll(bytes);
  ASSERT_EQ(whole.stanzas.size(), 4u) << whole.error;
  for (int first = 1; first < bytes.size(); ++first)
    ASSERT_EQ(readIn(bytes, first, bytes.size()), whole) << "split at " << first;
  for (int step = 1; step < 20; ++step)
    ASSERT_EQ(readIn(bytes, step, step), whole) << "pieces of " << step;
}

TEST(XmlReader, AStanzaComesWithItsLastByte) {
  const QByteArray bytes = QByteArray(kHead) + "<message><body>x</body></message>";
  EXPECT_EQ(readIn(bytes, 1, 1).stanzas.size(), 1u);
  EXPECT_EQ(readIn(bytes.chopped(1), 1, 1).stanzas.size(), 0u);
}

TEST(XmlReader, RefusesWhatStreamsMustNotHold) {
  const struct {
    const char* bytes;
    const char* error;
  } kCases[] = {
      {"<!-- note -->", "restricted-xml"},
      {"<message><!-- note --></message>", "restricted-xml"},
      {"<?php ?>", "restricted-xml"},
      {"<message><?x y?></message>", "restricted-xml"},
      {"<!DOCTYPE x>", "restricted-xml"},
      {"<message>&unknown;</message>", "not-well-formed"},
      {"<message></iq>", "not-well-formed"},
      {"<message a='1' a='2'/>", "not-well-formed"},
      {"<message a='<'/>", "not-well-formed"},
      {"<message <iq/>", "not-well-formed"},
      {"<>", "not-well-formed"},
      {"</stream:streams>", "not-well-formed"},
      {"</stream>", "not-well-formed"},
      {"<![CDATA[x]]>", "bad-format"},
      {"&lt;", "bad-format"},
      {"<message>\xff\xfe</message>", "unsupported-encoding"},
      {"<message>\xC3<", "unsupported-encoding"},
      {"<message>\xC0\x80</message>", "unsupported-encoding"},
      {"<message>\xF4\x90\x80\x80</message>", "unsupported-encoding"},
      {"<message>\xED\xA0\x80</message>", "unsupported-encoding"},
      {"<message>\x01</message>", "not-well-formed"},
      {"<message>&#0;</message>", "not-well-formed"},
      {"stray text", "bad-format"},
  };
  for (const auto& c : kCases) {
    const QByteArray bytes = QByteArray(kHead) + c.bytes + "<presence/>";
    for (const int step : {1, 3, 10'000}) {
      const Outcome outcome = readIn(bytes, step, step);
      EXPECT_EQ(outcome.error.substr(0, strlen(c.error)), c.error)
          << c.bytes << " in pieces of " << step << ": " << outcome.error;
      EXPECT_TRUE(outcome.stanzas.empty()) << c.bytes;
    }
  }
}

TEST(XmlReader, RefusesOtherBeginnings) {
  for (const char* bytes :
       {"hello", "HTTP/1.1 400 Bad Request\r\n\r\n", "<html>", "<stream xmlns='jabber:client'>",
        "\xff\xfe<\0s\0", "<!DOCTYPE stream [<!ENTITY a 'b'>]><stream>",
        "<?xml version='1.0' encoding='iso-8859-1'?><stream>",
        "<?xml version='1.0' encoding='iso-8859-1'?>\n<stream>",
        "<stream:stream xmlns:stream='http://etherx.jabber.org/streams'/>"}) {
    EXPECT_NE(readAll(bytes).error, "") << bytes;
    EXPECT_NE(readIn(bytes, 1, 1).error, "") << bytes;
  }
}

TEST(XmlReader, RefusesBillionLaughsBeforeItIsParsed) {
  QByteArray bytes = "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY l0 'lol'>";
  for (int i = 1; i < 10; ++i) {
    const QByteArray name = "&l" + QByteArray::number(i - 1) + ";";
    bytes += "<!ENTITY l" + QByteArray::number(i) + " '" + name.repeated(10) + "'>";
  }
  bytes += "]>" + QByteArray(kHead).mid(21) + "<message>&l9;</message>";
  EXPECT_EQ(readAll(bytes).error, "restricted-xml: a comment or a document type");
}

QByteArray nested(int depth, const char* name = "a") {
  return (QByteArray("<") + name + ">").repeated(depth) +
         (QByteArray("</") + name + ">").repeated(depth);
}

QByteArray withAttributes(int count) {
  QByteArray tag = "<a";
  for (int i = 0; i < count; ++i) tag += " b" + QByteArray::number(i) + "='>'";
  return tag + "/>";
}

QByteArray withDeclarations(int count) {
  QByteArray tag = "<a>";
  for (int i = 0; i < count; ++i) {
    tag += "<a xmlns:p" + QByteArray::number(i) + "='u'";
    if (i % 30 != 29) tag += " xmlns:q" + QByteArray::number(i) + "='u'";
    tag += ">";
  }
  return tag + QByteArray("</a>").repeated(count + 1);
}

// Goes by as if it were not there: the stanza before and the one after arrive.
void expectDiscarded(const QByteArray& stanza, const std::string& reason, int first, int step) {
  const QByteArray bytes =
      QByteArray(kHead) + "<presence id='1'/>" + stanza + " <presence id='2'/></stream:stream>";
  const Outcome outcome = readIn(bytes, first, step);
  const std::string where = stanza.left(60).toStdString() + " in pieces of " +
                            std::to_string(first) + " and " + std::to_string(step);
  ASSERT_EQ(outcome.error, "") << where;
  ASSERT_EQ(outcome.discarded, std::vector<std::string>{reason}) << where;
  ASSERT_EQ(outcome.stanzas.size(), 2u) << where;
  EXPECT_EQ(outcome.stanzas[0].attribute("id"), "1");
  EXPECT_EQ(outcome.stanzas[1].attribute("id"), "2");
  EXPECT_TRUE(outcome.ended) << where;
}

TEST(XmlReader, WhatIsOutOfBoundsIsPassedOverWhateverTheSplit) {
  const QByteArray longName(257, 'n');
  const struct {
    QByteArray stanza;
    const char* reason;
  } kCases[] = {
      {nested(33), "elements nested too deep"},
      {nested(32).replace("<a></a>", "<a><![CDATA[</a>]]]]><b c='/>'/>x</a>"),
       "elements nested too deep"},
      {withAttributes(65), "too many attributes in one tag"},
      {"<m><c d='1'>&amp;" + withAttributes(70) + "</c></m>", "too many attributes in one tag"},
      {"<" + longName + "/>", "a name that is too long"},
      {"<m><b " + longName + "=''/></m>", "a name that is too long"},
      {"<m><\xC3\xA9/></m>", "a name that is not ASCII"},
      {"<m \xC3\xA9='1'><b/></m>", "a name that is not ASCII"},
      {"<x:message/>", "a prefix that stands for nothing"},
      {"<m><b x:c='1'/></m>", "a prefix that stands for nothing"},
      {"<m><b xmlns:x='u'/><x:c/></m>", "a prefix that stands for nothing"},
      {"<m xmlns:xml='u'/>", "a namespace declaration that is not allowed"},
      {"<m xmlns:xmlns='u'/>", "a namespace declaration that is not allowed"},
      {"<m><b xmlns:x=''/></m>", "a namespace declaration that is not allowed"},
  };
  for (const auto& c : kCases) {
    const int size = QByteArray(kHead).size() + 18 + c.stanza.size() + 40;
    for (int first = QByteArray(kHead).size(); first < size; ++first)
      expectDiscarded(c.stanza, c.reason, first, size);
    for (const int step : {1, 2, 3, 7}) expectDiscarded(c.stanza, c.reason, step, step);
  }
}

TEST(XmlReader, WhatIsWithinBoundsIsRead) {
  for (const QByteArray& stanza :
       {nested(32), withAttributes(64), "<" + QByteArray(256, 'n') + "/>", withDeclarations(31)}) {
    const Outcome outcome = readAll(QByteArray(kHead) + stanza);
    EXPECT_EQ(outcome.stanzas.size(), 1u) << stanza.left(60).toStdString() << outcome.error;
    EXPECT_TRUE(outcome.discarded.empty());
  }
}

TEST(XmlReader, PassesOverWhatIsTooLarge) {
  const int most = static_cast<int>(limits::kMaxStanzaBytes);
  const QByteArray fits = "<a>" + QByteArray(most - 7, 'x') + "</a>";
  for (const int step : {1460, 3 * most})
    EXPECT_EQ(readIn(QByteArray(kHead) + "<b/> " + fits + " <b/>", step, step).stanzas.size(), 3u);
  const QByteArray filler(most, 'x');
  for (const QByteArray& stanza :
       {"<a>x" + filler.mid(7) + "</a>", "<a b='" + filler + "'/>", "<a><b/>" + filler + "</a>",
        "<a><![CDATA[" + filler + "]]></a>", "<a>" + filler.repeated(5) + "</a>",
        "<a><b c='" + filler + "'>" + filler + "</b></a>", "<a" + QByteArray(most, ' ') + "/>"})
    for (const int step : {1460, 20 * most}) expectDiscarded(stanza, "too many bytes", step, step);
}

TEST(XmlReader, PassesOverWhatIsTooDeepOrTooRichByFar) {
  expectDiscarded(nested(200'000), "elements nested too deep", 1460, 1460);
  expectDiscarded(withAttributes(100'000), "too many attributes in one tag", 1460, 1460);
  expectDiscarded("<" + QByteArray(500'000, 'n') + "/>", "a name that is too long", 1460, 1460);
  QByteArray many = "<a";
  for (int i = 0; i < 40; ++i) many += " xmlns:p" + QByteArray::number(i) + "='u'";
  many = many + "><b" + many.mid(2).replace(":p", ":q") + "></b></a>";
  expectDiscarded(many, "more than 64 namespace declarations", 1460, 1460);
}

// Each child would hold the namespace once more: 200 KB that become gigabytes.
TEST(XmlReader, PassesOverATreeThatIsTooLarge) {
  expectDiscarded(
      "<a xmlns='" + QByteArray(100'000, 'u') + "'>" + QByteArray("<b/>").repeated(25'000) + "</a>",
      "too large in memory", 1460, 1460);
  expectDiscarded("<a>" + QByteArray("<b/>").repeated(500'000) + "</a>", "too large in memory",
                  100'000, 100'000);
}

TEST(XmlReader, ReadsARosterOfAllMembers) {
  QByteArray roster = "<iq type='result' id='1'><query xmlns='jabber:iq:roster'>";
  for (size_t i = 0; i < limits::kMaxMembers; ++i)
    roster += "<item jid='node-" + QByteArray::number(int(i)) +
              ".storage.site@nodes.example.org' name='node' subscription='both' ask='subscribe'>"
              "<group>all the nodes</group></item>";
  const Outcome outcome = readIn(QByteArray(kHead) + roster + "</query></iq>", 1460, 1460);
  ASSERT_EQ(outcome.stanzas.size(), 1u);
  EXPECT_EQ(outcome.stanzas[0].firstChild()->children().size(), limits::kMaxMembers);
}

TEST(XmlReader, KeepsTheHeadOfWhatItPassesOver) {
  const QByteArray head = "<iq type='get' id='7' from='a@b/c' to='muster.test' xml:lang='en'";
  const Outcome outcome = readIn(QByteArray(kHead) + head + ">text" + nested(40) + "</iq>" + head +
                                     ">" + "<x:y/></iq>" + head + withAttributes(70).mid(2),
                                 5, 5);
  ASSERT_EQ(outcome.heads.size(), 3u) << outcome.error;
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(outcome.heads[i].is("iq", "jabber:client"));
    EXPECT_EQ(outcome.heads[i].attribute("from"), "a@b/c");
    EXPECT_EQ(outcome.heads[i].attribute("id"), "7");
    EXPECT_EQ(outcome.heads[i].text(), "");
    EXPECT_TRUE(outcome.heads[i].children().empty());
  }
  EXPECT_EQ(outcome.heads[2], Element());
}

TEST(XmlReader, BoundsTheHeader) {
  const QByteArray begin = "<stream:stream xmlns:stream='http://etherx.jabber.org/streams'";
  const int most = static_cast<int>(limits::kMaxStanzaBytes);
  for (const QByteArray& rest : {withAttributes(70).mid(2).chopped(2) + ">",
                                 " a='" + QByteArray(most, 'x'), QByteArray(most, ' ')}) {
    EXPECT_EQ(readAll(begin + rest).error.substr(0, 17), "policy-violation:");
    EXPECT_EQ(readIn(begin + rest, 1460, 1460).error.substr(0, 17), "policy-violation:");
  }
}

TEST(XmlReader, ResolvesNamespaces) {
  const QByteArray bytes =
      QByteArray(kHead) +
      "<a xmlns='x' xmlns:ns1='http://www.w3.org/XML/1998/namespace' ns1:foo='1' "
      "xmlns:p='u' p:q='2' xml:lang='de' z='3'><p:b xmlns:p='v'><p:c xmlns=''/><d/></p:b>"
      "<p:b/><e xmlns=''><f xmlns='jabber:component:accept'/></e></a><stream:error/>";
  Element a("a", "x");
  a.setAttribute("xml:foo", "1").setAttribute("xml:lang", "de").setAttribute("z", "3");
  Element& b = a.add("b", "v");
  b.add("c", "v");
  b.add("d", "x");
  a.add("b", "u");
  a.add("e", "").add("f", "jabber:client");
  const Element error("error", kNsStreams);
  for (int step = 1; step < bytes.size(); ++step)
    ASSERT_EQ(readIn(bytes, step, step).stanzas, (std::vector<Element>{a, error})) << step;
}

TEST(XmlReader, WhiteSpaceBetweenStanzasIsFree) {
  XmlReader reader;
  Outcome outcome;
  reader.feed(QByteArray(kHead));
  for (int i = 0; i < 2000; ++i) {
    reader.feed(QByteArray(1024, ' '));
    drain(reader, outcome);
  }
  reader.feed("<presence/>");
  drain(reader, outcome);
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.stanzas.size(), 1u);
}

// A ratio within one run: eight times the bytes take about eight times as long; were each piece a
// reason to begin anew, it would be sixty-four.
TEST(XmlReader, WorkIsLinearInTheBytes) {
  const auto cost = [](const QByteArray& bytes) {
    double best = 1e9;
    for (int run = 0; run < 3; ++run) {
      const std::clock_t start = std::clock();  // The processor's time: others may want it too.
      const Outcome outcome = readIn(bytes, 100, 100);
      EXPECT_EQ(outcome.stanzas.size() + outcome.discarded.size(), 1u);
      const auto took = static_cast<double>(std::clock() - start);
      best = std::min(best, took / CLOCKS_PER_SEC);
    }
    return best;
  };
  const struct {
    const char* open;
    const char* unit;
    const char* end;
  } kShapes[] = {{"<a>", "0123456789", "</a>"},
                 {"<a b='", "0123456789", "'/>"},
                 {"<a><![CDATA[", "0123456789", "]]></a>"},
                 {"<a>", "<b/>", "</a>"},
                 {"<a>", "&amp;", "</a>"},
                 {"<a>", "<b xmlns='u'/>", "</a>"},
                 {"<a", " b=''", "/>"},
                 {"<a b='", "&apos;", "'/>"},
                 {"<a><\xC3\xA9/>", "<b><c/></b>", "</a>"}};
  for (const auto& s : kShapes) {
    const auto of = [&](int units) {
      return cost(QByteArray(kHead) + s.open + QByteArray(s.unit).repeated(units) + s.end);
    };
    const double one = of(5'000);
    const double eight = of(40'000);
    EXPECT_LT(eight, 32 * one) << s.open << s.unit << ": " << one << " s and " << eight << " s";
  }
}

}  // namespace
}  // namespace muster::xmpp
