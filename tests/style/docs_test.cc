// Generated documentation is fresh, and what is shipped has the form that was agreed on.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "libcontrol/catalogue/markdown.h"

namespace {

namespace fs = std::filesystem;

std::string readAll(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

TEST(Docs, TheCommandReferenceIsFresh) {
  const auto made = muster::catalogue::musterCommandsMarkdown();
  ASSERT_TRUE(made.isOk()) << made.status().text();
  EXPECT_EQ(readAll(fs::path(MUSTER_SOURCE_DIR) / "docs" / "commands.md"), *made)
      << "run: build/release/bin/muster docs > docs/commands.md";
}

TEST(Docs, TheReadmeNamesTheTwoCommands) {
  const std::string readme = readAll(fs::path(MUSTER_SOURCE_DIR) / "README.md");
  EXPECT_NE(readme.find("scripts/demo"), std::string::npos);
  EXPECT_NE(readme.find("scripts/test"), std::string::npos);
}

TEST(Style, TheCodeIsFormatted) {
  const std::string command =
      "cd '" MUSTER_SOURCE_DIR
      "' && find libcontrol commands coordinator node-agent examples bench "
      "tests -name '*.cc' -o -name '*.h' | xargs clang-format --dry-run -Werror 2>&1 | head -20";
  FILE* pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string output;
  char buffer[4096];
  while (const size_t n = fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, n);
  pclose(pipe);
  EXPECT_EQ(output, "");
}

}  // namespace
