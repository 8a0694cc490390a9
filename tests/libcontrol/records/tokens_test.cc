#include "libcontrol/records/tokens.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace muster::records {
namespace {

std::vector<std::string> tokens(std::string_view text) {
  std::vector<std::string> out;
  size_t from = 0;
  for (std::string_view t = nextToken(text, from); !t.empty(); t = nextToken(text, from)) {
    out.emplace_back(t);
  }
  return out;
}

TEST(Tokens, AreRunsOfLettersDigitsAndUnderscores) {
  EXPECT_EQ(tokens("user_id=42, took 1.5ms"),
            (std::vector<std::string>{"user_id", "42", "took", "1", "5ms"}));
}

TEST(Tokens, KeepCharactersBeyondAsciiWhole) {
  EXPECT_EQ(tokens("größe: 3"), (std::vector<std::string>{"größe", "3"}));
}

TEST(Tokens, OfNothingAreNone) {
  EXPECT_TRUE(tokens("").empty());
  EXPECT_TRUE(tokens(" -- ").empty());
}

}  // namespace
}  // namespace muster::records
