#include "libcontrol/xmpp/stanza.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/libcontrol/xmpp/fake_link.h"

namespace muster::xmpp::testing {
namespace {

TEST(Stanza, EveryConditionGoesBothWays) {
  int count = 0;
  for (int i = 0; i <= static_cast<int>(Condition::kUnexpectedRequest); ++i, ++count) {
    const auto condition = static_cast<Condition>(i);
    EXPECT_EQ(conditionFromName(conditionName(condition)), condition);
    const Element request =
        xml("<iq type='get' id='1' from='a@b/c' to='d@e/f'><query xmlns='x'/></iq>");
    const Element answer =
        errorFor(request, {.condition = condition, .text = "why"}, From::kAsAddressed);
    EXPECT_EQ(answer.attribute("to"), "a@b/c");
    EXPECT_EQ(answer.attribute("from"), "d@e/f");
    const auto error = readError(xml(text(answer)));
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->condition, condition);
    EXPECT_EQ(error->type, recommendedType(condition));
    EXPECT_EQ(error->text, "why");
    EXPECT_FALSE(toStatus(*error).isOk());
  }
  EXPECT_EQ(count, 22) << "RFC 6120, section 8.3.3";
}

TEST(Stanza, TypesAreThoseOfTheRfc) {
  EXPECT_EQ(recommendedType(Condition::kForbidden), ErrorType::kAuth);
  EXPECT_EQ(recommendedType(Condition::kServiceUnavailable), ErrorType::kCancel);
  EXPECT_EQ(recommendedType(Condition::kBadRequest), ErrorType::kModify);
  EXPECT_EQ(recommendedType(Condition::kRemoteServerTimeout), ErrorType::kWait);
}

TEST(Stanza, OddErrorsAreReadAllTheSame) {
  EXPECT_FALSE(readError(xml("<iq type='error'/>")).has_value());
  const auto error =
      readError(xml("<iq type='error'><error type='odd'>"
                    "<brand-new xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"));
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->condition, Condition::kUndefinedCondition);
  EXPECT_FALSE(error->type.has_value());
  EXPECT_EQ(toStatus(*error).text(), "the answer was undefined-condition");
}

TEST(Stanza, CodesKeepTheirMeaningOverTheWire) {
  for (const Code code : {Code::kInvalidArgument, Code::kNotFound, Code::kForbidden,
                          Code::kRefusedUnsafe, Code::kConflict, Code::kUnavailable, Code::kTimeout,
                          Code::kResourceExhausted, Code::kInternal}) {
    EXPECT_EQ(codeFor(conditionFor(code)), code) << codeName(code);
  }
  EXPECT_EQ(conditionFor(Code::kStranger), conditionFor(Code::kUnavailable))
      << "a stranger can't tell us from nobody";
}

TEST(Stanza, MessageWithHint) {
  OutMessage message;
  message.to = jidOf("a@b");
  message.body = std::string("x\x02\ny", 4);
  message.no_store = true;
  EXPECT_EQ(text(makeMessage(message)),
            "<message type=\"chat\" to=\"a@b\"><body>x \ny</body>"
            "<no-store xmlns=\"urn:xmpp:hints\"/></message>");
}

}  // namespace
}  // namespace muster::xmpp::testing
