// The drivers of log levels, without the application.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "node-agent/levels/actuator_levels.h"
#include "node-agent/levels/exec_levels.h"
#include "node-agent/levels/file_levels.h"
#include "node-agent/levels/http_levels.h"
#include "node-agent/levels/level_config.h"
#include "node-agent/levels/level_template.h"

namespace muster::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(LevelTemplate, EscapesAsThePlaceNeedsIt) {
  EXPECT_EQ(fillIn("/l/{logger}?to={level}&x={other}", "a/b ü", "{logger}", escapedForUrl),
            "/l/a%2Fb%20%C3%BC?to=%7Blogger%7D&x={other}");
  EXPECT_EQ(escapedForUrl(".."), "%2E%2E");
  EXPECT_EQ(fillIn(R"({"l": "{logger}"})", "a\"b\\\n", "", escapedForJson), R"({"l": "a\"b\\\n"})");
  EXPECT_EQ(fillIn("X-Logger: {logger}", "a\r\nX-Other: b", "", escapedForLine),
            "X-Logger: aX-Other: b");
}

TEST(LevelNames, AreReadInEitherCase) {
  const LevelNames names = LevelNames::ofSpring();
  EXPECT_EQ(names.name(LogLevel::kCritical), "FATAL");
  EXPECT_EQ(names.parse("warn"), LogLevel::kWarn);
  EXPECT_EQ(names.parse("critical"), LogLevel::kCritical);
  EXPECT_EQ(names.parse("loud"), std::nullopt);
}

TEST(ActuatorLevels, ReadsLoggersAndGroups) {
  const auto loggers = ActuatorLevels::parse(R"({
    "levels": ["OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"],
    "loggers": {
      "ROOT": {"configuredLevel": "INFO", "effectiveLevel": "INFO"},
      "com.example": {"configuredLevel": null, "effectiveLevel": "INFO"},
      "odd": "no object"
    },
    "groups": {"web": {"configuredLevel": "DEBUG", "members": ["com.web"]}}})");
  ASSERT_TRUE(loggers.isOk());
  ASSERT_EQ(loggers->size(), 3u);
  EXPECT_EQ(loggers->at(0).name, "root");
  EXPECT_EQ(loggers->at(0).configured, LogLevel::kInfo);
  EXPECT_EQ(loggers->at(1).configured, std::nullopt);
  EXPECT_EQ(loggers->at(1).effective, LogLevel::kInfo);
  EXPECT_EQ(loggers->at(2).name, "web");
  EXPECT_EQ(loggers->at(2).effective, std::nullopt);
}

TEST(ActuatorLevels, OtherAnswersAreRefused) {
  for (const char* text : {"", "[]", "{}", R"({"loggers": []})", "<html>"}) {
    EXPECT_EQ(ActuatorLevels::parse(text).status().code(), Code::kDataLoss) << text;
  }
}

TEST(HttpLevels, FillsTheRequestIn) {
  HttpLevelOptions options;
  options.place.url = "http://127.0.0.1:1/log?name={logger}";
  options.headers = {"Content-Type: application/json", "X-Level: {level}"};
  options.body = R"({"level": "{level}", "of": "{logger}"})";
  const HttpRequest request = HttpLevels(options).requestFor("a\"b&c", "FINE");
  EXPECT_EQ(request.place.url, "http://127.0.0.1:1/log?name=a%22b%26c");
  EXPECT_EQ(request.body, R"({"level": "FINE", "of": "a\"b&c"})");
  EXPECT_THAT(request.headers, ElementsAre("Content-Type: application/json", "X-Level: FINE"));
}

TEST(HttpLevels, FindsALevelInAnAnswer) {
  EXPECT_EQ(*HttpLevels::levelIn(R"({"log": {"level": "FINE"}})", "/log/level"), "FINE");
  EXPECT_EQ(*HttpLevels::levelIn(" debug\n", ""), "debug");
  EXPECT_EQ(HttpLevels::levelIn("{}", "/level").status().code(), Code::kDataLoss);
  EXPECT_EQ(HttpLevels::levelIn("{", "/level").status().code(), Code::kDataLoss);
  EXPECT_EQ(HttpLevels::levelIn(R"({"level": 3})", "/level").status().code(), Code::kDataLoss);
}

TEST(HttpClient, NobodyThereIsUnavailable) {
  HttpRequest request;
  request.place.url = "http://127.0.0.1:1/";
  EXPECT_EQ(sendHttp(request).status().code(), Code::kUnavailable);
}

TEST(HttpClient, StaysOnThisMachineUnlessToldOtherwise) {
  EXPECT_EQ(problemOfUrl("http://127.0.0.1:8080/actuator", false), "");
  EXPECT_EQ(problemOfUrl("https://[::1]/x", false), "");
  EXPECT_THAT(problemOfUrl("http://example.org/", false), HasSubstr("allow_remote"));
  EXPECT_EQ(problemOfUrl("http://example.org/", true), "");
  EXPECT_THAT(problemOfUrl("file:///etc/passwd", true), HasSubstr("http"));
  EXPECT_THAT(problemOfUrl("http://a:b@localhost/", false), HasSubstr("password_file"));
}

class FileLevelsTest : public testing::Test {
 protected:
  FileLevelsTest() {
    char name[] = "/tmp/levels_test.XXXXXX";
    folder_ = mkdtemp(name);
    options_.path = folder_ / "log.conf";
  }
  ~FileLevelsTest() override { std::filesystem::remove_all(folder_); }
  FileLevels levels() {
    return {options_, [this](int number) {
              signals_got.push_back(number);
              return Status::ok();
            }};
  }
  void write(const std::string& text) { std::ofstream(options_.path) << text; }
  std::string text() {
    std::ostringstream out;
    out << std::ifstream(options_.path).rdbuf();
    return out.str();
  }

  std::filesystem::path folder_;
  FileLevelOptions options_;
  std::vector<int> signals_got;
};

TEST_F(FileLevelsTest, ItsOwnLinesComeAndGo) {
  options_.line = "logger.{logger}={level}";
  options_.signal_number = SIGHUP;
  const std::string original = "root=info\nlogger.a=warn\n";
  write(original);
  FileLevels driver = levels();
  ASSERT_TRUE(driver.set("a", LogLevel::kDebug).isOk());
  ASSERT_TRUE(driver.set("b", LogLevel::kTrace).isOk());
  ASSERT_TRUE(driver.set("a", LogLevel::kError).isOk());
  EXPECT_EQ(text(), original +
                        "# levels set by muster-agent: begin\nlogger.b=trace\nlogger.a=error\n"
                        "# levels set by muster-agent: end\n");
  EXPECT_EQ(driver.levelIn(text(), "a"), LogLevel::kError);
  ASSERT_TRUE(driver.set("a", std::nullopt).isOk());
  ASSERT_TRUE(driver.set("b", std::nullopt).isOk());
  EXPECT_EQ(text(), original);
  EXPECT_EQ(signals_got.size(), 5u);
}

TEST_F(FileLevelsTest, OwnerModeAndLinkStay) {
  options_.line = "{logger}={level}";
  write("x\n");
  chmod(options_.path.c_str(), 0640);
  const auto link = folder_ / "link";
  std::filesystem::create_symlink(options_.path, link);
  options_.path = link;
  ASSERT_TRUE(levels().set("a", LogLevel::kDebug).isOk());
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  struct stat after {};
  ASSERT_EQ(stat(link.c_str(), &after), 0);
  EXPECT_EQ(after.st_mode & 07777, 0640u);
  EXPECT_THAT(text(), HasSubstr("a=debug"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 2);
}

TEST_F(FileLevelsTest, APatternsLevelIsReplacedWhereItStands) {
  options_.pattern = R"(^level\.{logger} *= *(\w+))";
  options_.loggers = {"a.b", "aXb"};
  write("level.aXb = info # stays\nlevel.a.b = info # this\n");
  FileLevels driver = levels();
  ASSERT_TRUE(driver.set("a.b", LogLevel::kDebug).isOk());
  EXPECT_EQ(text(), "level.aXb = info # stays\nlevel.a.b = debug # this\n");
  EXPECT_EQ(driver.list()->at(0).configured, LogLevel::kDebug);
  EXPECT_EQ(driver.set("c", LogLevel::kDebug).code(), Code::kInvalidArgument);
  EXPECT_EQ(driver.set("a.b", std::nullopt).code(), Code::kInvalidArgument);
}

TEST_F(FileLevelsTest, ALoggersNameCannotAddALine) {
  options_.line = "{logger}={level}";
  write("");
  ASSERT_TRUE(levels().set("a\nroot=off", LogLevel::kDebug).isOk());
  EXPECT_THAT(text(), HasSubstr("\naroot=off=debug\n"));
}

TEST(ExecLevels, TellsTheExecutableAndReadsBack) {
  ExecLevelOptions options;
  options.set = {"/bin/level", "--of={logger}", "{level}"};
  options.read = {"/bin/level", "{logger}"};
  options.loggers = {"a"};
  std::vector<std::vector<std::string>> ran;
  std::vector<std::string> actions;
  ExecLevels driver(options, [&](const auto& command, const Environment& environment, Duration) {
    ran.push_back(command);
    actions.push_back(environment.at(0).second);
    return Result<std::string>("DEBUG");
  });
  ASSERT_TRUE(driver.set("a", LogLevel::kDebug).isOk());
  ASSERT_TRUE(driver.set("a", std::nullopt).isOk());
  EXPECT_EQ(driver.list()->at(0).effective, LogLevel::kDebug);
  EXPECT_THAT(actions, ElementsAre("set", "reset", "read"));
  EXPECT_THAT(ran[0], ElementsAre("/bin/level", "--of=a", "debug"));
  EXPECT_THAT(ran[1], ElementsAre("/bin/level", "--of=a", ""));
  EXPECT_EQ(driver.set("--help", LogLevel::kDebug).field(), "logger");
}

std::string mistakesIn(const std::string& toml) {
  auto file = ConfigFile::parse(toml, "/tmp/agent.toml");
  EXPECT_TRUE(file.isOk());
  ConfigTable root = (*file)->root();
  (void)readLevels(root);
  return (*file)->finish().text();
}

TEST(LevelConfig, TakesEachKind) {
  EXPECT_EQ(mistakesIn("kind = 'actuator'\nurl = 'http://localhost:8080/actuator'"), "");
  EXPECT_EQ(mistakesIn("kind = 'http'\nurl = 'http://localhost/{logger}'\nbody = '{level}'\n"
                       "reset_level = 'default'\nnames = { warn = 'WARNING' }"),
            "");
  EXPECT_EQ(mistakesIn("kind = 'file'\npath = '/etc/passwd'\nline = '{logger} {level}'\n"
                       "signal = 'HUP'"),
            "");
  EXPECT_EQ(mistakesIn("kind = 'exec'\nset = ['/bin/true', '{logger}']"), "");
}

TEST(LevelConfig, NamesMistakes) {
  EXPECT_THAT(mistakesIn("kind = 'telnet'"), HasSubstr("'telnet'"));
  EXPECT_THAT(mistakesIn("kind = 'actuator'\nurl = 'http://example.org/actuator'"),
              HasSubstr("allow_remote"));
  EXPECT_THAT(mistakesIn("kind = 'actuator'\nurl = 'http://localhost/'\nbody = 'x'"),
              HasSubstr("body"));
  EXPECT_THAT(mistakesIn("kind = 'http'\nurl = 'http://localhost/{level}'"),
              HasSubstr("reset_level"));
  EXPECT_THAT(mistakesIn("kind = 'file'\npath = '/etc/passwd'\nline = '{level}'"),
              HasSubstr("{logger} before {level}"));
  EXPECT_THAT(mistakesIn("kind = 'file'\npath = '/etc/passwd'\npattern = '^level'"),
              HasSubstr("group"));
  EXPECT_THAT(mistakesIn("kind = 'exec'\nset = ['true']"), HasSubstr("absolute"));
}

}  // namespace
}  // namespace muster::agent
