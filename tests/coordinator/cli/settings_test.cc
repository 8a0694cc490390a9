// Where a login comes from: flags before environment before file.
#include "coordinator/cli/settings.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "coordinator/cli/config.h"

namespace muster::cli {
namespace {

namespace fs = std::filesystem;

class Settings_ : public ::testing::Test {
 protected:
  Settings_() {
    std::string dir = (fs::temp_directory_path() / "muster-cli-XXXXXX").string();
    if (mkdtemp(dir.data()) == nullptr) std::abort();
    dir_ = dir;
    environment_.home = dir_.string();
  }
  ~Settings_() override { fs::remove_all(dir_); }

  void write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    fs::create_directories((dir_ / name).parent_path());
    std::ofstream(dir_ / name) << text;
    chmod((dir_ / name).c_str(), mode);
  }
  // The file that is found without being named.
  void writeConfig(const std::string& text) { write(".config/muster/cli.toml", text); }
  Settings resolved() {
    auto settings = resolve(flags_, environment_);
    EXPECT_TRUE(settings.isOk()) << settings.status().text();
    return settings ? *settings : Settings{};
  }
  std::string refused() {
    const auto settings = resolve(flags_, environment_);
    EXPECT_FALSE(settings.isOk());
    EXPECT_EQ(settings.status().code(), Code::kInvalidArgument);
    return settings.status().text();
  }

  fs::path dir_;
  Flags flags_;
  Environment environment_;
};

constexpr char kLogin[] =
    "timeout = \"7s\"\n"
    "output = \"json\"\n"
    "[login]\n"
    "jid = \"deploy@example.org\"\n"
    "password_file = \"secret\"\n"
    "host = \"10.0.0.1\"\n"
    "port = 5333\n"
    "coordinator = \"muster.example.org\"\n";

TEST_F(Settings_, WithoutAnythingThereIsNoLogin) {
  const Settings settings = resolved();
  EXPECT_TRUE(settings.login.isEmpty());
  EXPECT_FALSE(settings.json);
  EXPECT_FALSE(settings.timeout.has_value());
  const auto login = loginFrom(settings);
  ASSERT_FALSE(login.isOk());
  EXPECT_NE(login.status().text().find("--cluster"), std::string::npos);
}

TEST_F(Settings_, TheFileIsFoundInTheUsersFolder) {
  write(".config/muster/secret", "pa ss\nsecond line\n");
  writeConfig(kLogin);
  const Settings settings = resolved();
  EXPECT_TRUE(settings.json);
  EXPECT_EQ(settings.timeout, Duration::seconds(7));
  const auto login = loginFrom(settings);
  ASSERT_TRUE(login.isOk()) << login.status().text();
  EXPECT_EQ(login->jid.toString(), "deploy@example.org");
  EXPECT_EQ(login->password, "pa ss");
  EXPECT_EQ(login->host, "10.0.0.1");
  EXPECT_EQ(login->port, 5333);
  EXPECT_EQ(login->coordinator.toString(), "muster.example.org");
}

TEST_F(Settings_, TheFolderOfConfigurationsMayBeElsewhere) {
  write("elsewhere/muster/cli.toml", "output = \"json\"\n");
  environment_.config_home = (dir_ / "elsewhere").string();
  EXPECT_TRUE(resolved().json);
  // By its specification a relative one does not count.
  environment_.config_home = "elsewhere";
  EXPECT_EQ(configPath(flags_, environment_).file, dir_ / ".config/muster/cli.toml");
}

TEST_F(Settings_, ANamedFileMustBeThere) {
  environment_.config = (dir_ / "missing.toml").string();
  EXPECT_NE(refused().find("missing.toml"), std::string::npos);
  write("a.toml", "output = \"json\"\n");
  flags_.config = (dir_ / "a.toml").string();
  EXPECT_TRUE(resolved().json) << "--config counts before MUSTER_CONFIG";
}

TEST_F(Settings_, FlagsBeforeEnvironmentBeforeFile) {
  writeConfig("[login]\ncluster = \"/from/file\"\nas = \"admin\"\n");
  EXPECT_EQ(resolved().login.cluster, "/from/file");
  EXPECT_EQ(resolved().login.as, "admin");
  environment_.cluster = "/from/environment";
  EXPECT_EQ(resolved().login.cluster, "/from/environment");
  EXPECT_EQ(resolved().login.as, "");
  flags_.cluster = "/from/flag";
  EXPECT_EQ(resolved().login.cluster, "/from/flag");
}

TEST_F(Settings_, AFlagOfALoginTurnsTheEnvironmentsClusterOff) {
  environment_.cluster = "/from/environment";
  flags_.jid = "a@example.org";
  EXPECT_EQ(resolved().login.cluster, "");
  EXPECT_EQ(resolved().login.jid, "a@example.org");
}

TEST_F(Settings_, SingleFlagsReplaceSingleKeys) {
  writeConfig(kLogin);
  flags_.host = "localhost";
  flags_.output = "table";
  flags_.timeout = "9s";
  const Settings settings = resolved();
  EXPECT_EQ(settings.login.host, "localhost");
  EXPECT_EQ(settings.login.port, 5333);
  EXPECT_EQ(settings.login.jid, "deploy@example.org");
  EXPECT_FALSE(settings.json);
  EXPECT_FALSE(settings.csv);
  EXPECT_EQ(settings.timeout, Duration::seconds(9));
  flags_.output = "csv";
  EXPECT_TRUE(resolved().csv);
  EXPECT_FALSE(resolved().json);
}

TEST_F(Settings_, AnotherAccountGetsNoPasswordOfTheFile) {
  writeConfig(kLogin);
  flags_.jid = "other@example.org";
  EXPECT_EQ(resolved().login.password_file, "");
  EXPECT_EQ(resolved().login.host, "10.0.0.1");
  flags_.jid = "other@elsewhere.example";
  EXPECT_EQ(resolved().login.host, "");
  EXPECT_EQ(resolved().login.port, 0);
  flags_.jid = "Deploy@example.org";
  EXPECT_NE(resolved().login.password_file, "");
}

TEST_F(Settings_, WhatExcludesEachOtherIsRefused) {
  flags_.cluster = "/x";
  flags_.jid = "a@example.org";
  EXPECT_NE(refused().find("--jid"), std::string::npos);
  flags_ = {};
  flags_.jid = "a@example.org";
  flags_.as = "admin";
  EXPECT_NE(refused().find("--as"), std::string::npos);
}

TEST_F(Settings_, Timeouts) {
  for (const char* wrong : {"0s", "2h", "5", "soon"}) {
    flags_.timeout = wrong;
    EXPECT_NE(refused().find("--timeout"), std::string::npos) << wrong;
  }
}

TEST_F(Settings_, Profiles) {
  writeConfig(std::string(kLogin) +
              "[[profile]]\nname = \"staging\"\njid = \"s@staging.example\"\n"
              "[[profile]]\nname = \"local\"\ncluster = \"/tmp/try\"\n");
  EXPECT_EQ(resolved().login.jid, "deploy@example.org");
  environment_.profile = "local";
  EXPECT_EQ(resolved().login.cluster, "/tmp/try");
  flags_.profile = "staging";
  EXPECT_EQ(resolved().login.jid, "s@staging.example");
  EXPECT_EQ(resolved().login.host, "") << "a profile takes nothing from [login]";
  flags_.profile = "stagin";
  EXPECT_NE(refused().find("did you mean 'staging'"), std::string::npos);
  flags_.profile = "staging";
  environment_.home = "/nonexistent";
  EXPECT_NE(refused().find("no configuration file"), std::string::npos);
}

TEST_F(Settings_, APasswordFileThatOthersMayReadIsRefused) {
  write(".config/muster/secret", "x\n", 0644);
  writeConfig(kLogin);
  const auto login = loginFrom(resolved());
  ASSERT_FALSE(login.isOk());
  EXPECT_NE(login.status().text().find("chmod"), std::string::npos);
}

TEST_F(Settings_, APasswordOfTheEnvironment) {
  writeConfig(
      "[login]\njid = \"a@b.example\"\npassword_env = \"MUSTER_TEST_PASSWORD\"\n"
      "coordinator = \"muster.b.example\"\n");
  unsetenv("MUSTER_TEST_PASSWORD");
  EXPECT_NE(loginFrom(resolved()).status().text().find("MUSTER_TEST_PASSWORD"), std::string::npos);
  setenv("MUSTER_TEST_PASSWORD", "secret", 1);
  const auto login = loginFrom(resolved());
  ASSERT_TRUE(login.isOk()) << login.status().text();
  EXPECT_EQ(login->password, "secret");
}

std::string parseError(const std::string& text, const std::string& profile = "") {
  const auto settings = parseConfig(text, "/etc/cli.toml", profile);
  return settings ? "accepted" : settings.status().text();
}

TEST(Config, MistakesAreNamedWithTheirLine) {
  EXPECT_EQ(parseError("[login]\njid = \"a@b\"\npasword_file = \"x\"\n"),
            "/etc/cli.toml:3: login.pasword_file: is not a key of this table; did you mean "
            "'password_file'?");
  EXPECT_NE(parseError("output = \"yaml\"\n").find("/etc/cli.toml:1: output"), std::string::npos);
  EXPECT_NE(parseError("timeout = 5\n").find("duration"), std::string::npos);
  EXPECT_NE(parseError("timeout = \"2h\"\n").find("from 1ms to 1h"), std::string::npos);
  EXPECT_NE(parseError("[login]\njid = \"@\"\n").find(":2: login.jid"), std::string::npos);
  EXPECT_NE(parseError("[login]\nport = 70000\n").find("login.port"), std::string::npos);
  EXPECT_NE(parseError("[login]\npassword = \"x\"\n").find("login.password"), std::string::npos);
  EXPECT_NE(parseError("[login]\ncluster = \"/x\"\njid = \"a@b\"\n").find("login.cluster"),
            std::string::npos);
  EXPECT_NE(parseError("[login]\nas = \"admin\"\n").find("login.as"), std::string::npos);
  EXPECT_NE(parseError("[login]\npassword_file = \"a\"\npassword_env = \"B\"\n").find("not both"),
            std::string::npos);
}

TEST(Config, ProfilesThatAreNotUsedAreCheckedToo) {
  EXPECT_NE(parseError("[[profile]]\nname = \"a\"\nprt = 1\n").find("did you mean 'port'"),
            std::string::npos);
  EXPECT_NE(parseError("[[profile]]\nname = \"a\"\n[[profile]]\nname = \"a\"\n").find("two"),
            std::string::npos);
  EXPECT_NE(parseError("[[profile]]\n").find("is missing"), std::string::npos);
  EXPECT_NE(parseError("default_profile = \"b\"\n").find(":1: default_profile"), std::string::npos);
}

TEST(Config, RelativePathsAreTakenFromTheFilesFolder) {
  const auto settings = parseConfig("[login]\nca_file = \"ca.pem\"\n", "/etc/muster/cli.toml", "");
  ASSERT_TRUE(settings.isOk()) << settings.status().text();
  EXPECT_EQ(settings->login.ca_file, "/etc/muster/ca.pem");
}

}  // namespace
}  // namespace muster::cli
