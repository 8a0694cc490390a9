#include "libcontrol/records/format.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/records/layouts.h"
#include "libcontrol/records/plain_text.h"
#include "libcontrol/records/time_layout.h"
#include "libcontrol/rules/compile.h"

namespace muster::records {

struct Format::Continuation {
  std::unique_ptr<const re2::RE2> expression;
};

namespace {

constexpr std::string_view kHints[] = {
    "Caused by:",         "Suppressed:",        "at ", "... ", "Wrapped by:",
    "During handling of", "The above exception"};

class Spdlog : public Format {
 public:
  explicit Spdlog(Zone zone) : zone_(zone) {}

 private:
  bool parse(std::string_view line, WallTime, ReadLine& out) override {
    return parseSpdlog(line, zone_, out);
  }
  bool takesAllLines() const override { return true; }
  const Zone zone_;
};

class Log4j : public Format {
 public:
  explicit Log4j(Zone zone) : zone_(zone) {}

 private:
  bool parse(std::string_view line, WallTime arrival, ReadLine& out) override {
    return parseLog4j(line, zone_, arrival, out);
  }
  bool takesAllLines() const override { return true; }
  const Zone zone_;
};

class Spring : public Format {
 public:
  explicit Spring(Zone zone) : zone_(zone) {}

 private:
  bool parse(std::string_view line, WallTime, ReadLine& out) override {
    return parseSpring(line, zone_, out);
  }
  bool takesAllLines() const override { return true; }
  const Zone zone_;
};

class Json : public Format {
 public:
  Json(Keys keys, TimeLayout time) : keys_(std::move(keys)), time_(std::move(time)) {}

 private:
  bool parse(std::string_view line, WallTime arrival, ReadLine& out) override {
    if (line.empty() || line[0] != '{') return false;
    FieldSink sink(keys_, time_, arrival, out);
    if (!parseJson(line, sink)) return false;
    (void)sink.finish();
    return true;
  }
  const Keys keys_;
  const TimeLayout time_;
};

class Logfmt : public Format {
 public:
  Logfmt(Keys keys, TimeLayout time) : keys_(std::move(keys)), time_(std::move(time)) {}

 private:
  bool parse(std::string_view line, WallTime arrival, ReadLine& out) override {
    if (line.empty() || line[0] == ' ' || line[0] == '\t') return false;
    FieldSink sink(keys_, time_, arrival, out);
    return parseLogfmt(line, sink) && sink.finish();
  }
  const Keys keys_;
  const TimeLayout time_;
};

// Without a pattern every line begins a record, but for what looks like more of the one before.
class Plain : public Format {
 public:
  Plain(std::unique_ptr<const re2::RE2> expression, TimeLayout time)
      : expression_(std::move(expression)), time_(std::move(time)) {
    if (expression_ == nullptr) return;
    const auto& names = expression_->NamedCapturingGroups();
    const auto group = [&](const char* name) {
      const auto it = names.find(name);
      return it == names.end() ? 0 : it->second;
    };
    groups_ = {group("time"), group("level"), group("logger"), group("text")};
    highest_ =
        std::max(std::max(groups_.time, groups_.level), std::max(groups_.logger, groups_.text));
    found_.resize(static_cast<size_t>(highest_) + 1);
  }

 private:
  bool parse(std::string_view line, WallTime arrival, ReadLine& out) override {
    if (expression_ == nullptr) {
      if (looksLikeMore(line)) return false;
      out.record.text = line;
      return true;
    }
    const re2::StringPiece text(line.data(), line.size());
    if (!expression_->Match(text, 0, line.size(), re2::RE2::ANCHOR_START, found_.data(),
                            highest_ + 1)) {
      return false;
    }
    if (groups_.time > 0) {
      const auto at = time_.read(of(groups_.time), arrival);
      if (!at) return false;
      out.record.at = *at;
      out.has_time = true;
    }
    if (const auto level = groups_.level > 0 ? readLevel(of(groups_.level)) : std::nullopt) {
      out.record.level = *level;
    }
    if (groups_.logger > 0) {
      out.record.logger = of(groups_.logger).substr(0, limits::kMaxLoggerNameBytes);
    }
    out.record.text = groups_.text > 0 ? of(groups_.text) : line.substr(found_[0].size());
    return true;
  }
  bool takesAllLines() const override { return expression_ != nullptr; }

  std::string_view of(int group) const {
    const re2::StringPiece& found = found_[static_cast<size_t>(group)];
    return {found.data(), found.size()};
  }

  struct Groups {
    int time = 0;
    int level = 0;
    int logger = 0;
    int text = 0;
  };
  const std::unique_ptr<const re2::RE2> expression_;
  const TimeLayout time_;
  Groups groups_;
  int highest_ = 0;
  std::vector<re2::StringPiece> found_;
};

// Each line in the layout that it has: all of them are strict enough not to be mistaken for
// another.
class Auto : public Format {
 public:
  Auto(Keys keys, TimeLayout time, Zone zone)
      : keys_(std::move(keys)), time_(std::move(time)), zone_(zone) {}

 private:
  bool parse(std::string_view line, WallTime arrival, ReadLine& out) override {
    if (line.empty()) return false;
    const char c = line[0];
    if (c == '[') return parseSpdlog(line, zone_, out);
    if (c >= '0' && c <= '9') {
      return parseSpring(line, zone_, out) || parseLog4j(line, zone_, arrival, out);
    }
    if (c != '{' && (c < 'a' || c > 'z')) return false;
    FieldSink sink(keys_, time_, arrival, out);
    if (c == '{') {
      if (!parseJson(line, sink)) return false;
      (void)sink.finish();
      return true;
    }
    // Any "key=value" would be logfmt; only what begins as loggers write it is.
    const std::string_view key = line.substr(0, std::min(line.find('='), line.size()));
    const auto is_key = [&](const std::vector<std::string>& names) {
      return std::find(names.begin(), names.end(), key) != names.end();
    };
    if (!is_key(keys_.time) && !is_key(keys_.level)) return false;
    return parseLogfmt(line, sink) && sink.finish();
  }
  const Keys keys_;
  const TimeLayout time_;
  const Zone zone_;
};

Result<std::unique_ptr<const re2::RE2>> compile(const std::string& pattern, const char* option) {
  if (pattern.size() > limits::kMaxRulePatternBytes) {
    return Status(Code::kInvalidArgument,
                  "must have at most " + std::to_string(limits::kMaxRulePatternBytes) + " bytes",
                  option);
  }
  auto out = std::make_unique<const re2::RE2>(pattern, rules::expressionOptions());
  if (!out->ok()) {
    return Status(Code::kInvalidArgument, "is no regular expression of RE2: " + out->error(),
                  option);
  }
  return out;
}

Keys keysOf(const FormatOptions& options) {
  const auto or_usual = [](const std::vector<std::string>& own, std::vector<std::string> usual) {
    return own.empty() ? usual : own;
  };
  Keys keys;
  keys.time = or_usual(options.time_keys, {"time", "ts", "@timestamp", "timestamp"});
  keys.level = or_usual(options.level_keys, {"level", "severity", "lvl", "log.level"});
  keys.logger = or_usual(options.logger_keys, {"logger", "logger_name", "name", "log.logger"});
  keys.text = or_usual(options.text_keys, {"msg", "message", "event"});
  keys.stack = {"stack",      "err.stack",         "error.stack", "stack_trace",
                "stacktrace", "error.stack_trace", "exception",   "exc_info"};
  return keys;
}

Status inOption(const char* option, const Status& status) {
  return {status.code(), status.text(), option};
}

}  // namespace

const std::vector<std::string>& formatNames() {
  static const std::vector<std::string> kNames = {"auto",   "plain", "json",  "logfmt",
                                                  "spdlog", "log4j", "spring"};
  return kNames;
}

Result<std::unique_ptr<Format>> Format::make(const FormatOptions& options) {
  const auto zone = Zone::parse(options.zone);
  if (!zone) return inOption("zone", zone.status());
  auto time = TimeLayout::parse(options.time, *zone);
  if (!time) return inOption("time", time.status());
  std::unique_ptr<const re2::RE2> pattern;
  if (!options.pattern.empty()) {
    if (options.name != "plain") {
      return Status(Code::kInvalidArgument, "goes with format = \"plain\" alone", "pattern");
    }
    auto compiled = compile(options.pattern, "pattern");
    if (!compiled) return compiled.status();
    pattern = std::move(compiled).value();
  }
  std::unique_ptr<Format> format;
  if (options.name == "auto") {
    format = std::make_unique<Auto>(keysOf(options), *time, *zone);
  } else if (options.name == "plain") {
    format = std::make_unique<Plain>(std::move(pattern), *time);
  } else if (options.name == "json") {
    format = std::make_unique<Json>(keysOf(options), *time);
  } else if (options.name == "logfmt") {
    format = std::make_unique<Logfmt>(keysOf(options), *time);
  } else if (options.name == "spdlog") {
    format = std::make_unique<Spdlog>(*zone);
  } else if (options.name == "log4j") {
    format = std::make_unique<Log4j>(*zone);
  } else if (options.name == "spring") {
    format = std::make_unique<Spring>(*zone);
  } else {
    return Status(Code::kInvalidArgument,
                  "'" + singleLine(options.name, 40) + "' is no format of log lines" +
                      suggestion(options.name, formatNames()),
                  "format");
  }
  format->level_ = options.level;
  if (!options.continuation.empty()) {
    auto compiled = compile(options.continuation, "continuation");
    if (!compiled) return compiled.status();
    auto own = std::make_shared<Continuation>();
    own->expression = std::move(compiled).value();
    format->continuation_ = std::move(own);
  }
  return format;
}

bool Format::begins(std::string_view line, WallTime arrival, ReadLine& out) {
  line = line.substr(0, limits::kMaxLogLineBytes);
  if (!isPlainAscii(line)) {
    mended_ = line;
    makeText(mended_);
    line = mended_;
  }
  if (continuation_ != nullptr && looksLikeMore(line)) return false;
  out.record.at = arrival;
  out.record.level = level_;
  out.record.logger.clear();
  out.record.text.clear();
  out.has_time = false;
  if (!parse(line, arrival, out)) return false;
  // JSON brings characters that were written as escapes.
  makeText(out.record.text);
  makeText(out.record.logger);
  return true;
}

bool Format::looksLikeMore(std::string_view line) const {
  if (continuation_ != nullptr) {
    return re2::RE2::PartialMatch(re2::StringPiece(line.data(), line.size()),
                                  *continuation_->expression);
  }
  if (line.empty()) return true;
  if (line[0] == ' ' || line[0] == '\t') return true;
  if (line == "}" || line == "]" || line == ")" || line == "})" || line == "};") return true;
  return std::any_of(std::begin(kHints), std::end(kHints),
                     [&](std::string_view hint) { return line.starts_with(hint); });
}

bool Format::continues(std::string_view line) const {
  if (continuation_ == nullptr && takesAllLines()) return true;
  return looksLikeMore(line);
}

ReadLine Format::alone(std::string_view line, WallTime arrival) const {
  ReadLine out;
  out.record.at = arrival;
  out.record.level = level_;
  out.record.text = line.substr(0, limits::kMaxLogLineBytes);
  makeText(out.record.text);
  return out;
}

}  // namespace muster::records
