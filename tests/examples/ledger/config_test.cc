#include "examples/ledger/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace ledger {
namespace {

using testing::HasSubstr;

class LedgerConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/muster-ledger-XXXXXX";
    dir_ = ::mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  muster::Result<Config> load(const std::string& text) {
    std::ofstream(dir_ / "ledger.toml") << text;
    return loadConfig(dir_ / "ledger.toml");
  }
  std::string refusal(const std::string& text) {
    const auto config = load(text);
    EXPECT_FALSE(config) << text;
    return config.status().text();
  }
  std::filesystem::path dir_;
};

TEST_F(LedgerConfigTest, ReadsEveryKey) {
  const auto config = load(
      "[node]\njid = 'n@example.org'\n[ledger]\nlisten = '127.0.0.2'\nport = 7001\n"
      "port_file = '/run/port'\njournal = 'shared/ledger.sqlite'\nmax_append_ms = 100\n");
  ASSERT_TRUE(config) << config.status().text();
  EXPECT_EQ(config->listen, "127.0.0.2");
  EXPECT_EQ(config->port, 7001);
  EXPECT_EQ(config->port_file, "/run/port");
  EXPECT_EQ(config->journal, dir_ / "shared/ledger.sqlite");
  EXPECT_EQ(config->max_append.count(), 100);
}

TEST_F(LedgerConfigTest, NeedsOnlyTheJournal) {
  const auto config = load("[ledger]\njournal = '/j'\n");
  ASSERT_TRUE(config) << config.status().text();
  EXPECT_EQ(config->port, 0);
  EXPECT_TRUE(config->port_file.empty());
}

TEST_F(LedgerConfigTest, ErrorsNameTheLineAndTheKey) {
  EXPECT_THAT(refusal("[ledger]\njournal = '/j'\nports = 1\n"),
              HasSubstr("ledger.toml:3: ledger.ports is no key; there are listen, port"));
  EXPECT_THAT(refusal("[ledger]\njournal = '/j'\nport = 65536\n"),
              HasSubstr(":3: ledger.port must be a whole number from 0 to 65535"));
  EXPECT_THAT(refusal("[ledger]\njournal = '/j'\nport = '7001'\n"), HasSubstr("whole number"));
  EXPECT_THAT(refusal("[ledger]\njournal = '/j'\nlisten = 'example.org'\n"),
              HasSubstr(":3: ledger.listen must be an IPv4 address"));
  EXPECT_THAT(refusal("[ledger]\njournal = '/j'\nmax_append_ms = 9\n"), HasSubstr("10 to 5000"));
  EXPECT_THAT(refusal("[ledger]\nport = 1\n"), HasSubstr("ledger.journal is missing"));
  EXPECT_THAT(refusal("[node]\n"), HasSubstr("there is no table [ledger]"));
  EXPECT_THAT(refusal("[ledger\n"), HasSubstr("ledger.toml:1: "));
}

TEST_F(LedgerConfigTest, MissingFileIsNamed) {
  EXPECT_THAT(loadConfig(dir_ / "none.toml").status().text(), HasSubstr("none.toml"));
}

}  // namespace
}  // namespace ledger
