#include "libcontrol/records/mask.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/rules/compile.h"

namespace muster::records {
namespace {

constexpr std::string_view kMask = "***";
constexpr int kMaxGroups = 6;
constexpr int kMaxRounds = 4;

// What is asked of a match besides, where a pattern alone would take words for secrets.
enum class Check { kNone, kLooksRandom };

struct UsualRule {
  const char* name;
  const char* about;
  // What a text has to contain for the pattern to be tried, in any case of letters.
  const char* hint;
  const char* pattern;  // the first group that takes part is replaced, or the whole
  Check check = Check::kNone;
};

// A key's end, '=' or ':' and the value: in quotes, in quotes that are escaped, or a word. The word
// ends where a query, a list or an object goes on.
#define MUSTER_MASK_VALUE                                                                   \
  R"re((?:\\*["'])?\s{0,4}(?:=>|:=|[:=])\s{0,4}(?:"((?:[^"\\\r\n]|\\.)+)"|'([^'\r\n]+)')re" \
  R"re(|\\+"([^"\\]+)\\|([^\s"'\\,;&<>(){}\[\]][^\s"'\\,;&<>)}\]]*)))re"
#define MUSTER_MASK_SECRET_NAMES                                                               \
  R"re((?:api[ _.-]?key|(?:client|app|shared|webhook|signing)?[_.-]?secret)re"                 \
  R"re(|(?:secret|access|private|account|encryption|master)[_.-]?(?:access[_.-]?)?key)re"      \
  R"re(|(?:auth|access|refresh|id|session|csrf|xsrf|bearer|security|deploy|bot)[_.-]?token)re" \
  R"re(|\btoken|\bjwt|jsessionid|phpsessid|signature|\bsig|credentials?))re"

constexpr UsualRule kUsual[] = {
    {"private-keys", "private keys in PEM", "private key",
     R"re(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----((?s:.*?))(?:-----END |\z))re"},
    {"authorization", "what follows Authorization:", "authorization",
     R"re((?i)authorization\\*["']?\s*[:=]\s*\\*["']?(?:(?:Digest|AWS4-HMAC-SHA256)\s+([^\r\n]+))re"
     R"re(|(?:(?:Basic|Bearer|Token|Negotiate|ApiKey)\s+)?([^\s"'\\,;]+)))re"},
    {"cookies", "the values of Cookie: and Set-Cookie:", "cookie",
     R"re((?i)cookie\\*["']?\s*[:=]\s*\\*["']?([^\s=;:"'\\]+=[^\r\n"'\\]*))re"},
    {"bearer", "tokens behind Bearer", "bearer", R"re((?i)\bbearer\s+([\w.~+/=-]{8,}))re",
     Check::kLooksRandom},
    {"jwt", "JSON Web Tokens", "eyj", R"re(\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){2,4})re"},
    {"aws", "AWS access key ids", "a[ks]ia", R"re(\b(?:AKIA|ASIA)[A-Z0-9]{16}\b)re"},
    {"vendor-tokens", "tokens of GitHub, GitLab, Slack, Stripe, Google and npm",
     "gh[pousr]_|github_pat_|gl[a-z]{2,5}-|xox[a-z]-|xapp-|hooks.slack|[sr]k_(?:live|test)_|aiza|"
     "npm_",
     R"re(\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_\w{22,})re"
     R"re(|\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent)-[\w-]{20,})re"
     R"re(|\bxox[a-z]-[A-Za-z0-9-]{10,}|\bxapp-[A-Za-z0-9-]{20,})re"
     R"re(|hooks\.slack\.com/services/([\w/]{20,}))re"
     R"re(|\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|\bAIza[\w-]{35}|\bnpm_[A-Za-z0-9]{36})re"},
    {"urls", "passwords in URLs", "://[^\\s/@]*@",
     R"re((?i)\b[a-z][a-z0-9+.-]{1,20}://(?:[^\s/?#@:"']*:([^\s/?#@"']+)|([\w-]{20,}))@)re"},
    {"passwords", "passwords with their names", "pass|pwd",
     R"re((?i)(?:password|passwd|passphrase|passcode|pwd|\bpass|_pass))re" MUSTER_MASK_VALUE},
    {"password-options", "passwords and tokens on command lines and in XML",
     "--[\\w-]{0,20}(?:pass|token|secret|key)|<[\\w:]{0,20}pass|identified by",
     R"re((?i)--[\w-]{0,20}(?:password|passwd|token|secret|api-key|access-key)[ =]+["']?([^\s"'-][^\s"']*))re"
     R"re(|<[\w:]{0,20}pass(?:word|wd|phrase)>([^<]+)<|\bidentified by ['"]([^'"]+)['"])re"},
    {"secrets", "keys, secrets and tokens with their names",
     "(?:api|access|private|account|encryption|master)[ _.-]?key|secret|token|jwt|sessid|sessionid|"
     "signature|\\bsig\\b|credential",
     R"re((?i))re" MUSTER_MASK_SECRET_NAMES MUSTER_MASK_VALUE, Check::kLooksRandom},
};
constexpr const char* kCards = "cards";

// A word of a sentence is no secret: "token: expired", "invalid api key: missing". What follows '='
// or stands in quotes is no sentence.
bool mayBeSecret(std::string_view before, std::string_view text) {
  if (!before.ends_with(' ') || before.ends_with("= ")) return true;
  if (text.size() >= 24) return true;
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

re2::RE2::Options options() {
  re2::RE2::Options out = rules::expressionOptions();
  out.set_max_mem(limits::kMaxMaskMemory);
  // Bytes that are no UTF-8 are no reason to leave a password where it is.
  out.set_encoding(re2::RE2::Options::EncodingLatin1);
  return out;
}

Status wrong(const std::string& rule, const std::string& why) {
  return {Code::kInvalidArgument, "the rule '" + singleLine(rule, 80) + "' " + why, rule};
}

// Nothing is captured: that is what makes it fast.
Status compileAny(const std::string& any, re2::RE2::Options options,
                  std::unique_ptr<const re2::RE2>& out) {
  if (any.empty()) return Status::ok();
  options.set_max_mem(limits::kMaxMaskSetMemory);
  options.set_never_capture(true);
  out = std::make_unique<const re2::RE2>(any, options);
  if (out->ok()) return Status::ok();
  return {Code::kInvalidArgument, "all patterns together are too large"};
}

}  // namespace

struct Masker::Rules {
  struct Rule {
    std::unique_ptr<const re2::RE2> hint;  // null: always tried
    std::unique_ptr<const re2::RE2> expression;
    std::string replacement;
    Check check = Check::kNone;
    int groups = 0;
  };
  // Whether any rule might match, of the usual ones and of the own ones; null: there is none.
  std::unique_ptr<const re2::RE2> any_usual;
  std::unique_ptr<const re2::RE2> any_own;
  std::vector<Rule> rules;
  bool cards = true;

  Status addUsual(const std::vector<std::string>& without);
  Status addOwn(const std::vector<MaskRule>& own_rules);
  bool apply(const Rule& rule, std::string& text) const;
};

bool Masker::Rules::apply(const Rule& rule, std::string& text) const {
  const re2::StringPiece input(text);
  if (rule.hint != nullptr && !re2::RE2::PartialMatch(input, *rule.hint)) return false;
  std::array<re2::StringPiece, kMaxGroups + 1> found;
  std::string out;
  size_t copied = 0;
  for (size_t from = 0; from <= text.size();) {
    if (!rule.expression->Match(input, from, text.size(), re2::RE2::UNANCHORED, found.data(),
                                rule.groups + 1)) {
      break;
    }
    re2::StringPiece secret = found[0];
    for (int group = 1; group <= rule.groups; ++group) {
      if (found[static_cast<size_t>(group)].data() == nullptr) continue;
      secret = found[static_cast<size_t>(group)];
      break;
    }
    const size_t begin = static_cast<size_t>(secret.data() - text.data());
    const size_t end = begin + secret.size();
    const size_t behind = static_cast<size_t>(found[0].data() - text.data()) + found[0].size();
    const std::string_view piece(secret.data(), secret.size());
    // A match may be empty.
    from = std::max(end, from + 1);
    if (secret.empty() || piece == rule.replacement) {
      from = std::max(behind, from);
      continue;
    }
    if (rule.check == Check::kLooksRandom &&
        !mayBeSecret(std::string_view(text).substr(0, begin), piece))
      continue;
    out.append(text, copied, begin - copied);
    out += rule.replacement;
    copied = end;
  }
  if (copied == 0) return false;
  out.append(text, copied);
  text = std::move(out);
  return true;
}

Masker::Masker(std::unique_ptr<const Rules> rules) : rules_(std::move(rules)) {}
Masker::~Masker() = default;

const std::vector<Masker::Usual>& Masker::usual() {
  static const std::vector<Usual> kAll = [] {
    std::vector<Usual> out;
    for (const UsualRule& rule : kUsual) out.push_back({rule.name, rule.about});
    out.push_back({kCards, "numbers of payment cards"});
    return out;
  }();
  return kAll;
}

Status Masker::Rules::addUsual(const std::vector<std::string>& without) {
  std::string any;
  for (const UsualRule& usual : kUsual) {
    if (std::find(without.begin(), without.end(), usual.name) != without.end()) continue;
    any += (any.empty() ? "(?i)(?:" : "|(?:") + std::string(usual.hint) + ")";
    Rule rule;
    rule.hint = std::make_unique<const re2::RE2>(std::string("(?i)") + usual.hint, options());
    rule.expression = std::make_unique<const re2::RE2>(usual.pattern, options());
    if (!rule.hint->ok() || !rule.expression->ok()) return wrong(usual.name, "can't be compiled");
    rule.replacement = kMask;
    rule.check = usual.check;
    rule.groups = std::min(rule.expression->NumberOfCapturingGroups(), kMaxGroups);
    rules.push_back(std::move(rule));
  }
  return compileAny(any, options(), any_usual);
}

Status Masker::Rules::addOwn(const std::vector<MaskRule>& own_rules) {
  if (own_rules.size() > limits::kMaxMaskRules) {
    return {Code::kInvalidArgument,
            "there may be at most " + std::to_string(limits::kMaxMaskRules) + " own rules"};
  }
  std::string any;
  std::set<std::string> seen;
  for (const MaskRule& own : own_rules) {
    if (own.name.empty() || !seen.insert(own.name).second) {
      return wrong(own.name, "must have a name that no other has");
    }
    if (own.pattern.empty() || own.pattern.size() > limits::kMaxRulePatternBytes) {
      return wrong(own.name, "must have a pattern of 1 to " +
                                 std::to_string(limits::kMaxRulePatternBytes) + " bytes");
    }
    if (own.replacement.size() > limits::kMaxMaskReplacementBytes) {
      return wrong(own.name, "must have a replacement of at most " +
                                 std::to_string(limits::kMaxMaskReplacementBytes) + " bytes");
    }
    Rule rule;
    rule.expression =
        std::make_unique<const re2::RE2>(own.pattern, muster::rules::expressionOptions());
    if (!rule.expression->ok()) {
      return wrong(own.name, "is no regular expression of RE2: " + rule.expression->error());
    }
    rule.replacement = own.replacement;
    rule.groups = std::min(rule.expression->NumberOfCapturingGroups(), 1);
    any += (any.empty() ? "(?:" : "|(?:") + own.pattern + ")";
    rules.push_back(std::move(rule));
  }
  return compileAny(any, muster::rules::expressionOptions(), any_own);
}

Result<std::shared_ptr<const Masker>> Masker::make(const MaskOptions& wanted) {
  std::vector<std::string> names;
  for (const Usual& rule : usual()) names.push_back(rule.name);
  auto rules = std::make_unique<Rules>();
  for (const std::string& name : wanted.without) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return Status(
          Code::kInvalidArgument,
          "'" + singleLine(name, 80) + "' is none of the usual rules" + suggestion(name, names),
          name);
    }
    if (name == kCards) rules->cards = false;
  }
  if (const Status added = rules->addUsual(wanted.without); !added) return added;
  if (const Status added = rules->addOwn(wanted.own); !added) return added;
  return std::shared_ptr<const Masker>(new Masker(std::move(rules)));
}

bool Masker::mask(std::string& text) const {
  const auto mayMatch = [&](const std::unique_ptr<const re2::RE2>& any) {
    return any != nullptr && re2::RE2::PartialMatch(text, *any);
  };
  bool masked = false;
  // What one rule takes out may have hidden something from another that had its turn before.
  for (int round = 0; round < kMaxRounds; ++round) {
    bool any = false;
    if (mayMatch(rules_->any_usual) || mayMatch(rules_->any_own)) {
      for (const Rules::Rule& rule : rules_->rules) any = rules_->apply(rule, text) || any;
    }
    any = (rules_->cards && maskCardNumbers(text)) || any;
    if (!any) break;
    masked = true;
  }
  return masked;
}

}  // namespace muster::records
