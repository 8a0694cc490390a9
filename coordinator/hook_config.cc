#include "coordinator/hook_config.h"

#include <QFileInfo>
#include <QStandardPaths>

#include "libcontrol/base/limits.h"

namespace muster::coordinator {
namespace {

bool isExecutable(const std::string& program) {
  const QString name = QString::fromStdString(program);
  if (program.find('/') == std::string::npos) {
    return !QStandardPaths::findExecutable(name).isEmpty();
  }
  const QFileInfo file(name);
  return file.isAbsolute() && file.isFile() && file.isExecutable();
}

}  // namespace

std::vector<std::string> readCommand(ConfigTable& table, const std::string& key) {
  const std::vector<std::string> command = table.strings(key);
  if (command.empty() || command.front().empty() || command.size() > limits::kMaxHookWords) {
    table.fail(
        key, "must have the program and its words, 1 to " + std::to_string(limits::kMaxHookWords));
  } else if (!isExecutable(command.front())) {
    table.fail(key,
               "'" + command.front() + "' is not an executable file; name one by its whole path");
  }
  return command;
}

HookConfig readHooks(ConfigTable table) {
  HookConfig out;
  for (const auto& [key, command] :
       {std::pair("pre_failover", &out.pre_failover), std::pair("on_demote", &out.on_demote),
        std::pair("on_promote", &out.on_promote), std::pair("post_failover", &out.post_failover)}) {
    if (!table.strings(key).empty()) *command = readCommand(table, key);
  }
  out.pre_failover_timeout = table.duration("pre_failover_timeout", out.pre_failover_timeout,
                                            Duration::seconds(1), limits::kMaxVetoTimeout);
  out.timeout =
      table.duration("timeout", out.timeout, Duration::seconds(1), limits::kMaxHookTimeout);
  return out;
}

}  // namespace muster::coordinator
