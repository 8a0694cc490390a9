#include "coordinator/hook_process.h"

#include <QProcess>
#include <QTimer>
#include <memory>
#include <utility>

#include "libcontrol/base/text.h"

namespace muster::coordinator {
namespace {

constexpr int kMaxErrorBytes = 300;

QString qt(const std::string& text) {
  return QString::fromStdString(text);
}

std::string howItEnded(QProcess& process, int code, QProcess::ExitStatus how) {
  const std::string said =
      process.readAllStandardError().right(kMaxErrorBytes).trimmed().toStdString();
  return (how == QProcess::NormalExit ? "it ended with exit code " + std::to_string(code)
                                      : std::string("it was killed")) +
         (said.empty() ? "" : ": " + singleLine(said, kMaxErrorBytes));
}

}  // namespace

void runHook(QObject* owner, const HookCall& call, std::function<void(const Status&)> done) {
  auto* process = new QProcess(owner);
  process->setStandardOutputFile(QProcess::nullDevice());
  QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
  for (const auto& [name, value] : call.environment) environment.insert(qt(name), qt(value));
  process->setProcessEnvironment(environment);
  // Later, so that nobody is answered from within the question; and once, whatever comes.
  const auto waiting = std::make_shared<std::function<void(const Status&)>>(std::move(done));
  const auto end = [owner, process, waiting](const Status& status) {
    if (*waiting == nullptr) return;
    process->deleteLater();
    QTimer::singleShot(0, owner,
                       [told = std::exchange(*waiting, nullptr), status] { told(status); });
  };
  QObject::connect(process, qOverload<int, QProcess::ExitStatus>(&QProcess::finished), owner,
                   [process, end](int code, QProcess::ExitStatus how) {
                     if (how == QProcess::NormalExit && code == 0) return end(Status::ok());
                     end({Code::kUnavailable, howItEnded(*process, code, how)});
                   });
  QObject::connect(process, &QProcess::errorOccurred, owner,
                   [process, end](QProcess::ProcessError error) {
                     if (error != QProcess::FailedToStart) return;
                     end({Code::kUnavailable, process->errorString().toStdString()});
                   });
  QStringList words;
  for (size_t i = 1; i < call.command.size(); ++i) words << qt(call.command[i]);
  process->start(qt(call.command.front()), words);
  process->write(QByteArray::fromStdString(call.input));
  process->closeWriteChannel();
  QTimer::singleShot(static_cast<int>(call.timeout.toMillis()), process,
                     [process] { process->kill(); });
}

}  // namespace muster::coordinator
