#include "coordinator/hook_process.h"

#include <unistd.h>

#include <QProcess>
#include <QTimer>
#include <csignal>
#include <memory>
#include <utility>

#include "libcontrol/base/text.h"

namespace muster::coordinator {
namespace {

constexpr int kMaxErrorBytes = 300;

QString qt(const std::string& text) {
  return QString::fromStdString(text);
}

// In the child, before its program: it is to hear of the signals that this process has for itself,
// and leads a group, so that what it starts ends with it.
void beginChild() {
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  setpgid(0, 0);
}

class Child : public QProcess {
 public:
  using QProcess::QProcess;
  ~Child() override { killAll(); }

  void begin(const QString& program, const QStringList& words) {
#if QT_VERSION >= QT_VERSION_CHECK(6, 0, 0)
    setChildProcessModifier(beginChild);
#endif
    start(program, words);
  }
  void killAll() {
    if (state() == QProcess::NotRunning) return;
    const auto group = static_cast<pid_t>(processId());
    // It may not lead its group yet.
    if (group <= 0 || ::kill(-group, SIGKILL) != 0) kill();
  }
  bool late = false;

#if QT_VERSION < QT_VERSION_CHECK(6, 0, 0)
 protected:
  void setupChildProcess() override {
    beginChild();
  }
#endif
};

std::string howItEnded(Child& process, int code, QProcess::ExitStatus how, Duration timeout) {
  const std::string said =
      process.readAllStandardError().right(kMaxErrorBytes).trimmed().toStdString();
  std::string text = "it ended with exit code " + std::to_string(code);
  if (how != QProcess::NormalExit) {
    text = process.late ? "it took longer than " + formatDuration(timeout) + " and was killed"
                        : "it was killed by signal " + std::to_string(code);
  }
  return text + (said.empty() ? "" : ": " + singleLine(said, kMaxErrorBytes));
}

}  // namespace

void runHook(QObject* owner, const HookCall& call, std::function<void(const Status&)> done) {
  auto* process = new Child(owner);
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
                   [process, end, timeout = call.timeout](int code, QProcess::ExitStatus how) {
                     if (how == QProcess::NormalExit && code == 0) return end(Status::ok());
                     end({Code::kUnavailable, howItEnded(*process, code, how, timeout)});
                   });
  QObject::connect(process, &QProcess::errorOccurred, owner,
                   [process, end](QProcess::ProcessError error) {
                     if (error != QProcess::FailedToStart) return;
                     end({Code::kUnavailable, process->errorString().toStdString()});
                   });
  QStringList words;
  for (size_t i = 1; i < call.command.size(); ++i) words << qt(call.command[i]);
  process->begin(qt(call.command.front()), words);
  process->write(QByteArray::fromStdString(call.input));
  process->closeWriteChannel();
  QTimer::singleShot(static_cast<int>(call.timeout.toMillis()), process, [process] {
    process->late = true;
    process->killAll();
  });
}

}  // namespace muster::coordinator
