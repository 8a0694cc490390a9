// Loggers whose level can be changed while the application runs.
#pragma once

#include <spdlog/spdlog.h>

#include <memory>
#include <string>

namespace muster {

// The spdlog logger of that name, made on first use. Names are hierarchical: "storage.disk" takes
// the level of "storage" unless it has one of its own. Its sinks are those of spdlog's default
// logger at that moment. Any thread.
std::shared_ptr<spdlog::logger> logger(const std::string& name);

}  // namespace muster
