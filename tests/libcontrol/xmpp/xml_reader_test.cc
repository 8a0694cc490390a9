#include "libcontrol/xmpp/xml_reader.h"

#include <gtest/gtest.h>

#include <chrono>

namespace muster::xmpp {
namespace {

constexpr char kHead[] =
    "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
    "xmlns:stream='http://etherx.jabber.org/streams' id='s&lt;1' from='muster.test'>";

struct Outcome {
  std::vector<Element> stanzas;
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
      {"<x:message/>", "not-well-formed"},
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
        "<?xml version='1.0' encoding='iso-8859-1'?><stream>"}) {
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

TEST(XmlReader, BoundsDepthSizeAndAttributes) {
  const QByteArray head(kHead);
  EXPECT_EQ(readAll(head + QByteArray("<a>").repeated(32) + QByteArray("</a>").repeated(32))
                .stanzas.size(),
            1u);
  EXPECT_NE(readAll(head + QByteArray("<a>").repeated(33)).error.find("nested"), std::string::npos);

  const int most = static_cast<int>(limits::kMaxStanzaBytes);
  const QByteArray fits = "<a>" + QByteArray(most - 7, 'x') + "</a>";
  EXPECT_EQ(readAll(head + "<b/>" + fits + "<b/>").stanzas.size(), 3u);
  for (const QByteArray& endless : {QByteArray("<a>"), QByteArray("<a b='"), QByteArray("<a><b/>"),
                                    QByteArray("<a><![CDATA[")}) {
    const QByteArray bytes = head + endless + QByteArray(most + 10'000, 'x');
    EXPECT_NE(readAll(bytes).error.find("bytes"), std::string::npos) << endless.toStdString();
    EXPECT_NE(readIn(bytes, 1, 1460).error.find("bytes"), std::string::npos);
  }
  for (const char filler : {' ', 'x'})
    EXPECT_NE(readAll(head + "<a" + QByteArray(most + 10'000, filler)).error, "");

  QByteArray many = "<a";
  for (int i = 0; i < 65; ++i) many += " b" + QByteArray::number(i) + "=''";
  EXPECT_NE(readAll(head + many + "/>").error.find("attributes"), std::string::npos);
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
      const auto start = std::chrono::steady_clock::now();
      EXPECT_EQ(readIn(bytes, 100, 100).stanzas.size(), 1u);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      best = std::min(best, took.count());
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
                 {"<a>", "&amp;", "</a>"}};
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
