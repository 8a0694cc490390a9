// What a line of a log costs before it is kept or grouped, on one core: read in its layout, masked,
// folded into a template and counted.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/rule_corpus.h"
#include "libcontrol/records/format.h"
#include "libcontrol/records/mask.h"
#include "libcontrol/records/template.h"

namespace muster::bench {
namespace {

using std::chrono::steady_clock;

constexpr WallTime kArrival{1'767'276'180'123};

std::unique_ptr<records::Format> formatOf(const char* name) {
  records::FormatOptions options;
  options.name = name;
  return std::move(records::Format::make(options)).value();
}

std::string inQuotes(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string lineIn(const std::string& layout, const std::string& text) {
  if (layout == "json") {
    return R"({"time":"2026-01-01T14:03:00.123Z","level":"info","logger":"web","msg":)" +
           inQuotes(text) + R"(,"request":17,"host":"a1"})";
  }
  if (layout == "logfmt") {
    return "time=2026-01-01T14:03:00.123Z level=info logger=web msg=" + inQuotes(text) +
           " request=17 host=a1";
  }
  if (layout == "log4j") return "2026-01-01 14:03:00,123 [main] INFO  org.a.Web - " + text;
  if (layout == "spring") {
    return "2026-01-01T14:03:00.123+01:00  INFO 12 --- [main] org.a.Web : " + text;
  }
  return "[2026-01-01 14:03:00.123] [web] [info] " + text;
}

// Calls `use` with each of the texts until there were `count`, and prints the rate.
template <typename Use>
void measure(const char* what, const std::vector<std::string>& texts, size_t count, Use use) {
  const auto begin = steady_clock::now();
  for (size_t i = 0; i < count; ++i) use(texts[i % texts.size()]);
  const double seconds = std::chrono::duration<double>(steady_clock::now() - begin).count();
  std::printf("%-24s %10.0f lines/s %8.0f ns a line\n", what, static_cast<double>(count) / seconds,
              seconds * 1e9 / static_cast<double>(count));
}

int run(size_t count) {
  // Enough different ones that no cache holds their answers.
  std::vector<std::string> texts;
  LogTexts source(11);
  for (int i = 0; i < 100'000; ++i) texts.push_back(source.next());
  size_t bytes = 0;
  for (const std::string& text : texts) bytes += text.size();
  std::printf("%zu texts of %zu bytes on average\n", count, bytes / texts.size());
  size_t read = 0;
  records::ReadLine line;
  for (const char* name : {"spdlog", "log4j", "spring", "json", "logfmt", "auto"}) {
    std::vector<std::string> lines;
    for (const std::string& text : texts) lines.push_back(lineIn(name, text));
    const auto format = formatOf(name);
    measure((std::string("read: ") + name).c_str(), lines, count,
            [&](const std::string& text) { read += format->begins(text, kArrival, line) ? 1 : 0; });
  }
  const auto masker = records::Masker::make().value();
  std::string copy;
  size_t masked = 0;
  measure("mask", texts, count, [&](const std::string& text) {
    copy = text;
    masked += masker->mask(copy) ? 1 : 0;
  });
  records::TemplateGroups groups({{0}, {static_cast<int64_t>(count)}, 60});
  records::Record record;
  record.logger = "web";
  measure("group", texts, count, [&](const std::string& text) {
    record.at.unix_ms += 1;
    record.text = text;
    groups.add(record);
  });
  std::printf("%zu groups besides %llu records of others; %zu masked\n", groups.size(),
              static_cast<unsigned long long>(groups.others().count), masked);
  if (read == 6 * count && groups.records() == count) return 0;
  std::printf("INVALID: %zu lines of %zu were read\n", read, 6 * count);
  return 1;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  size_t lines = 1'000'000;
  CLI::App app("Measures what reading, masking and grouping log lines costs.", "log_texts");
  app.add_option("--lines", lines, "So many of each")
      ->check(CLI::Range(1000, 100'000'000))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return muster::bench::run(lines);
}
