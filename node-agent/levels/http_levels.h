// Log levels by an HTTP request that the configuration spells out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "muster/log_levels.h"
#include "node-agent/http_client.h"
#include "node-agent/levels/level_names.h"

namespace muster::agent {

// {logger} and {level} are filled in, escaped as the place that they stand in needs it.
struct HttpLevelOptions {
  HttpPlace place;  // its URL has placeholders
  std::string method = "POST";
  std::vector<std::string> headers;
  std::string body;
  LevelNames names;
  std::string reset_level;  // in place of {level} to give back; empty: what was read before
  std::vector<std::string> loggers;  // the names there are; empty: any
  std::string read_url;              // asked by GET for a logger's level; empty: nobody is asked
  std::string read_pointer;          // into its JSON (RFC 6901); empty: the answer is the level
};

class HttpLevels : public LogLevelDriver {
 public:
  explicit HttpLevels(HttpLevelOptions options) : options_(std::move(options)) {}

  std::string describe() const override { return "the application at " + options_.place.url; }
  bool knowsNames() const override { return !options_.loggers.empty(); }
  Result<std::vector<ApplicationLogger>> list() override;
  Status set(const std::string& logger, std::optional<LogLevel> level) override;

  // What set() would send.
  HttpRequest requestFor(const std::string& logger, const std::string& level) const;
  // A level's name in what a question was answered with.
  static Result<std::string> levelIn(const std::string& body, const std::string& pointer);

 private:
  Result<LogLevel> read(const std::string& logger, Duration timeout) const;

  const HttpLevelOptions options_;
};

}  // namespace muster::agent
