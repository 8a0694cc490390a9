#include "libcontrol/config/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace muster {
namespace {

using testing::HasSubstr;

std::unique_ptr<ConfigFile> parse(const std::string& text) {
  auto file = ConfigFile::parse(text, "/etc/muster/x.toml");
  EXPECT_TRUE(file.isOk()) << file.status().text();
  return std::move(file).value();
}

TEST(ConfigFile, ReadsWhatIsThere) {
  auto file =
      parse("[node]\nname = 'a'\nport = 5\nttl = '3s'\nlist = ['x', 'y']\n[[g]]\nn = 'z'\n");
  ConfigTable node = file->root().table("node");
  EXPECT_EQ(node.requiredString("name"), "a");
  EXPECT_EQ(node.integer("port", 1, 0, 9), 5);
  EXPECT_EQ(node.duration("ttl", Duration{}, Duration{}, Duration::seconds(9)),
            Duration::seconds(3));
  EXPECT_EQ(node.strings("list").size(), 2u);
  auto groups = file->root().tables("g");
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].requiredString("n"), "z");
  EXPECT_TRUE(file->finish().isOk()) << file->finish().text();
}

TEST(ConfigFile, AnUnknownKeyIsNamedWithItsLineAndASuggestion) {
  auto file = parse("[node]\nname = 'a'\nprot = 5\n");
  ConfigTable node = file->root().table("node");
  (void)node.requiredString("name");
  (void)node.integer("port", 1, 0, 9);
  const Status status = file->finish();
  EXPECT_THAT(status.text(), HasSubstr("/etc/muster/x.toml:3: node.prot: is not a key"));
  EXPECT_THAT(status.text(), HasSubstr("did you mean 'port'?"));
}

TEST(ConfigFile, AnUnknownTableIsAnErrorToo) {
  auto file = parse("[nodes]\nname = 'a'\n");
  (void)file->root().table("node");
  EXPECT_THAT(file->finish().text(), HasSubstr("nodes: is not a key"));
}

TEST(ConfigFile, NamesAllErrorsAtOnce) {
  auto file = parse("[node]\nport = 'x'\nttl = 5\n");
  ConfigTable node = file->root().table("node");
  (void)node.requiredString("name");
  EXPECT_EQ(node.integer("port", 7, 0, 9), 7);
  (void)node.duration("ttl", Duration{}, Duration{}, Duration::seconds(9));
  const std::string text = file->finish().text();
  EXPECT_THAT(text, HasSubstr("node.name: is missing"));
  EXPECT_THAT(text, HasSubstr("node.port: must be a whole number from 0 to 9"));
  EXPECT_THAT(text, HasSubstr("node.ttl: must be a duration in quotes"));
}

TEST(ConfigFile, WhatIsNotTomlSaysWhere) {
  const auto file = ConfigFile::parse("[node\n", "x.toml");
  ASSERT_FALSE(file.isOk());
  EXPECT_THAT(file.status().text(), HasSubstr("x.toml:1: is not TOML"));
}

TEST(ConfigFile, SecretsStandElsewhere) {
  const std::string path = testing::TempDir() + "secret-" + std::to_string(getpid());
  std::ofstream(path) << "s3cret\nsecond line\n";
  chmod(path.c_str(), 0600);
  auto file = parse("password_file = '" + path + "'\n");
  EXPECT_EQ(file->root().secret("password"), "s3cret");
  EXPECT_TRUE(file->finish().isOk());

  chmod(path.c_str(), 0644);
  auto open = parse("password_file = '" + path + "'\n");
  EXPECT_EQ(open->root().secret("password"), "");
  EXPECT_THAT(open->finish().text(), HasSubstr("chmod"));
  unlink(path.c_str());

  auto inlined = parse("password = 'x'\n");
  EXPECT_EQ(inlined->root().secret("password"), "");
  EXPECT_THAT(inlined->finish().text(), HasSubstr("password_file or password_env"));

  auto none = parse("");
  EXPECT_EQ(none->root().secret("password"), "");
  EXPECT_THAT(none->finish().text(), HasSubstr("exactly one of"));
}

}  // namespace
}  // namespace muster
