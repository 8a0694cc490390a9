// The loggers of a Spring Boot application, by its actuator's endpoint "loggers"
// (https://docs.spring.io/spring-boot/api/rest/actuator/loggers.html).
#pragma once

#include <string>
#include <vector>

#include "muster/log_levels.h"
#include "node-agent/http_client.h"
#include "node-agent/levels/level_names.h"

namespace muster::agent {

// The root is "ROOT" there. Groups are set like loggers; setting one sets its members, and giving
// it back leaves them without levels of their own.
class ActuatorLevels : public LogLevelDriver {
 public:
  // `base`: the actuator's own address, without a slash at its end.
  explicit ActuatorLevels(HttpPlace base);

  std::string describe() const override;
  bool knowsNames() const override { return true; }
  Result<std::vector<ApplicationLogger>> list() override;
  Status set(const std::string& logger, std::optional<LogLevel> level) override;

  // What the endpoint answers with, taken apart. kDataLoss if it is something else.
  static Result<std::vector<ApplicationLogger>> parse(const std::string& body);

 private:
  const HttpPlace base_;
};

}  // namespace muster::agent
