#include "libcontrol/records/mask.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "libcontrol/records/mask_config.h"

namespace muster::records {
namespace {

std::string masked(std::string text, const MaskOptions& options = {}) {
  const auto masker = Masker::make(options);
  EXPECT_TRUE(masker.isOk()) << masker.status().text();
  const std::string before = text;
  const bool changed = (*masker)->mask(text);
  EXPECT_EQ(changed, text != before) << before;
  return text;
}

struct Case {
  const char* text;
  const char* masked;
};

// Put together here, so that nobody's scanner takes these for somebody's.
const std::string kJwt = std::string("eyJhbGciOiJIUzI1NiJ9") + ".eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
const std::string kGitHub = "ghp_" + std::string(36, 'a');
const std::string kGitLab = "glpat-" + std::string(20, 'b');
const std::string kSlack = "xoxb-" + std::string("123456789012-abcdefghij");
const std::string kAws = "AKIA" + std::string("IOSFODNN7EXAMPLE");

const Case kSecrets[] = {
    {"password=hunter2", "password=***"},
    {"user=ada password=hunter2 host=db", "user=ada password=*** host=db"},
    {"DB_PASSWORD=\"two words\" x", "DB_PASSWORD=\"***\" x"},
    {"{\"user\":\"ada\",\"password\":\"a\\\"b\",\"n\":1}",
     "{\"user\":\"ada\",\"password\":\"***\",\"n\":1}"},
    {R"(body={\"password\":\"hunter2\",\"x\":1})", R"(body={\"password\":\"***\",\"x\":1})"},
    {"passwd: 'x y'", "passwd: '***'"},
    {"pwd=a&user=b", "pwd=***&user=b"},
    {"Password: hunter2, user: ada", "Password: ***, user: ada"},
    {"userPassword => s3cret)", "userPassword => ***)"},
    {"pass=x", "pass=***"},
    {"passphrase: correct", "passphrase: ***"},
    {"mysql --password hunter2 -u root", "mysql --password *** -u root"},
    {"run --api-key=abc123 --verbose", "run --api-key=*** --verbose"},
    {"<password>hunter2</password>", "<password>***</password>"},
    {"CREATE USER x IDENTIFIED BY 'hunter2'", "CREATE USER x IDENTIFIED BY '***'"},
    {"Authorization: Bearer abcdef123456", "Authorization: Bearer ***"},
    {"authorization: Basic dXNlcjpwYXNz", "authorization: Basic ***"},
    {"\"Authorization\":\"Token abc\"", "\"Authorization\":\"Token ***\""},
    {"Authorization: Digest username=\"a\", response=\"b\"", "Authorization: Digest ***"},
    {"Proxy-Authorization: x", "Proxy-Authorization: ***"},
    {"sent Bearer abcdef123456 to it", "sent Bearer *** to it"},
    {"Cookie: sid=1; theme=dark", "Cookie: ***"},
    {"Set-Cookie: sid=abc; Path=/; HttpOnly", "Set-Cookie: ***"},
    {"api_key=abc", "api_key=***"},
    {"X-Api-Key: 12ab34cd", "X-Api-Key: ***"},
    {"client_secret=\"s\"", "client_secret=\"***\""},
    {"aws_secret_access_key = wJalrXUtnFEMI", "aws_secret_access_key = ***"},
    {"{\"access_token\":\"abc\",\"expires\":3600}", "{\"access_token\":\"***\",\"expires\":3600}"},
    {"refresh_token=abc;x", "refresh_token=***;x"},
    {"GET /x?token=abc&page=2", "GET /x?token=***&page=2"},
    {"invalid token: 8f3a9c", "invalid token: ***"},
    {"/app;jsessionid=AB12?x", "/app;jsessionid=***"},
    {"postgres://app:s3cr3t@db:5432/x", "postgres://app:***@db:5432/x"},
    {"redis://:pw@host", "redis://:***@host"},
    {"https://0123456789abcdef0123@example.org/x", "https://***@example.org/x"},
    {"card 4111 1111 1111 1111 declined", "card *** declined"},
    {"card=4111-1111-1111-1111.", "card=***."},
    {"pan:4111111111111111;", "pan:***;"},
    {"378282246310005", "***"},
    {"3782 822463 10005", "***"},
    {"5555555555554444,4012888888881881", "***,***"},
    {"two 5555555555554444 4012888888881881", "two *** ***"},
    {"-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\nx",
     "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----\nx"},
    {"key -----BEGIN PRIVATE KEY-----\nMIIE cut", "key -----BEGIN PRIVATE KEY-----***"},
};

const char* const kHarmless[] = {
    "",
    "user 7 logged in",
    "request 550e8400-e29b-41d4-a716-446655440000 done",
    "11111111-1111-1111-1111-111111111117",
    "2026-11-23 19:00:00.123 started",
    "2026-11-23 19:00:00 2026-11-24 19:00:00",
    "at 1795460400123 and 1795460400123456789",
    "order 4111111111111112 shipped",
    "order 4111 1111 1111 1112 shipped",
    "commit 4111111111111111aa2b3c4d5e6f70819203a4b5",
    "commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "4111111111111111.25 bytes",
    "x4111111111111111",
    "-4111111111111111-1",
    "+49 170 1234567, 0800 123 456 789",
    "10.0.0.1:8080 192.168.100.200",
    "41 11 11 11 11 11 11 11",
    "password changed for ada",
    "password_changed=true passwords: 3",
    "bypass=true compass=north passed=12",
    "token refreshed, tokens=512, max_tokens=99",
    "unexpected token: comma",
    "invalid api key: missing",
    "the secret of it: patience",
    "bearer authentication failed",
    "cookie: accepted",
    "Cookies are enabled",
    "primary key: 17, key=17, monkey=1",
    "https://example.org/a:b@c",
    "https://ada@example.org/",
    "mail to ada@example.org",
    "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
    "ssh-rsa AAAAB3NzaC1yc2E",
    "eyJhbGciOi",
    "npm_config_cache=/tmp",
};

TEST(Mask, TakesSecretsOut) {
  for (const Case& c : kSecrets) EXPECT_EQ(masked(c.text), c.masked) << c.text;
  for (const std::string& token : {kJwt, kGitHub, kGitLab, kSlack, kAws}) {
    EXPECT_EQ(masked("got " + token + " here"), "got *** here");
    EXPECT_EQ(masked(token), "***");
  }
}

TEST(Mask, LeavesAllElse) {
  for (const char* text : kHarmless) EXPECT_EQ(masked(text), text);
}

TEST(Mask, OfWhatIsMaskedNothingIsMasked) {
  std::vector<std::string> texts;
  for (const Case& c : kSecrets) texts.emplace_back(c.text);
  for (const char* text : kHarmless) texts.emplace_back(text);
  for (const std::string& token : {kJwt, kGitHub, kGitLab, kSlack, kAws}) texts.push_back(token);
  const auto masker = Masker::make().value();
  std::mt19937 random(5);
  const char* const glue[] = {" ", "", ",", ";", "\n", "\"", "=", ": ", "&", "\xff"};
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (int k = 0; k < 4; ++k) {
      text += texts[random() % texts.size()] + glue[random() % std::size(glue)];
    }
    const std::string before = text;
    masker->mask(text);
    std::string again = text;
    masker->mask(again);
    ASSERT_EQ(again, text) << before;
  }
}

TEST(Mask, HostileLinesTakeLinearTime) {
  const auto masker = Masker::make().value();
  for (const char* piece : {"password=", "://:", "eyJ", "4", "4 ", "-----BEGIN PRIVATE KEY", "\"",
                            "token\\", "Authorization:", "--"}) {
    std::string text;
    while (text.size() < 256 * 1024) text += piece;
    masker->mask(text);
    SUCCEED();
  }
}

TEST(Mask, OwnRulesComeBesides) {
  MaskOptions options;
  options.own = {{"customer", R"(customer=(\w+))", "<customer>"},
                 {"word", "gr\xc3\xbc\xc3\x9f", "-"}};
  EXPECT_EQ(masked("customer=ada gr\xc3\xbc\xc3\x9f password=x", options),
            "customer=<customer> - password=***");
}

TEST(Mask, UsualRulesCanBeLeftOut) {
  EXPECT_EQ(masked("4111111111111111 password=x", {{}, {"cards"}}),
            "4111111111111111 password=***");
  EXPECT_EQ(masked("4111111111111111 password=x", {{}, {"passwords"}}), "*** password=x");
  MaskOptions none;
  for (const auto& rule : Masker::usual()) none.without.push_back(rule.name);
  EXPECT_EQ(masked("password=x", none), "password=x");
}

TEST(Mask, MistakesAreNamed) {
  EXPECT_NE(Masker::make({{}, {"card"}}).status().text().find("did you mean 'cards'"),
            std::string::npos);
  EXPECT_EQ(Masker::make({{{"a", "(", "x"}}, {}}).status().field(), "a");
  EXPECT_FALSE(Masker::make({{{"a", "", "x"}}, {}}).isOk());
  EXPECT_FALSE(Masker::make({{{"a", "x", "x"}, {"a", "y", "x"}}, {}}).isOk());
  EXPECT_FALSE(Masker::make({{{"a", "x", std::string(100, 'x')}}, {}}).isOk());
}

TEST(Mask, TheConfigurationIsRead) {
  const auto read = [](const std::string& text, MaskOptions& out) {
    auto file = ConfigFile::parse(text, "x.toml").value();
    ConfigTable logs = file->root().table("logs");
    out = readMaskOptions(logs);
    return file->finish();
  };
  MaskOptions options;
  const Status good =
      read("[logs]\nmask_off = [\"cards\"]\n[[logs.mask]]\nname = \"c\"\npattern = 'c=(\\d+)'\n",
           options);
  EXPECT_TRUE(good.isOk()) << good.text();
  EXPECT_EQ(masked("c=1 4111111111111111", options), "c=*** 4111111111111111");
  const Status bad =
      read("[logs]\nmask_off = [\"crads\"]\n[[logs.mask]]\nname = \"c\"\npattern = '('\n", options);
  EXPECT_NE(bad.text().find("cards"), std::string::npos) << bad.text();
  EXPECT_NE(bad.text().find("RE2"), std::string::npos) << bad.text();
}

}  // namespace
}  // namespace muster::records
