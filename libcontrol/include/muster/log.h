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

// Has the log rules see what this logger writes. Only for one of the application's own that is made
// after Node::create(): those that are registered with spdlog by then are seen, as is every logger
// of muster::logger(). Adds a sink, so not while another thread may log through it.
void watchLogger(spdlog::logger& logger);

}  // namespace muster
