#include "node-agent/attach/pid_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "muster/log.h"
#include "node-agent/limits.h"

namespace muster::agent {
namespace {

struct FileSays {
  pid_t pid = 0;
  double written = 0;   // seconds since the epoch
  std::string problem;  // why there is no pid
};

FileSays readPidFile(const std::filesystem::path& file) {
  FileSays says;
  struct stat entry {};
  if (stat(file.c_str(), &entry) != 0) {
    says.problem = "there is no pid file (" + std::string(strerror(errno)) + ")";
    return says;
  }
  says.written =
      static_cast<double>(entry.st_mtim.tv_sec) + static_cast<double>(entry.st_mtim.tv_nsec) / 1e9;
  std::ifstream in(file);
  int64_t number = 0;
  // Some daemons write more lines after it.
  if (!(in >> number) || number <= 1 || number > limits::kMaxPid || number == getpid()) {
    says.problem = "the pid file names no process";
    return says;
  }
  says.pid = static_cast<pid_t>(number);
  return says;
}

}  // namespace

Sighting PidFile::look() {
  if (main_ && main_->hasEnded()) {
    problem_ = "process " + std::to_string(main_->entry.pid) + " has ended";
    learnFamily();
    main_.reset();
  } else {
    follow();
  }
  if (main_) {
    if (looks_++ % limits::kPidFileFamilyLooks == 0) learnFamily();
    return {Sighting::What::kUp, main_->entry.pid, ""};
  }
  const auto left = leftOfFamily();
  if (left.empty()) return {Sighting::What::kGone, 0, problem_};
  return {Sighting::What::kDown, 0, problem_ + ", but " + describe(left) + " still runs"};
}

void PidFile::follow() {
  const FileSays says = readPidFile(file_);
  if (main_ && (says.pid == 0 || says.pid == main_->entry.pid)) return;
  if (says.pid == 0) {
    // What is known of an end says more than that the file is gone.
    if (problem_.empty()) problem_ = says.problem;
    return;
  }
  auto mark = markProcess(says.pid);
  if (!mark) {
    if (problem_.empty()) problem_ = "process " + std::to_string(says.pid) + " does not run";
    return;
  }
  // A daemon writes the file once it runs.
  if (startedAt(mark->entry) > says.written + limits::kPidFileSlack.ns / 1e9) {
    if (problem_.empty()) {
      problem_ = "process " + std::to_string(says.pid) + " is younger than the pid file";
    }
    return;
  }
  if (main_) {
    logger("agent")->info("the pid file now names process {} ({})", says.pid, mark->entry.name);
  }
  main_ = std::move(mark);
  leads_session_ = getsid(main_->entry.pid) == main_->entry.pid;
  looks_ = 0;
  problem_.clear();
}

void PidFile::learnFamily() {
  const ProcessEntry& main = main_->entry;
  const auto all = readProcesses();
  // Its group only if it leads that: a shell's job has others in it.
  const pid_t group = main.group == main.pid ? main.pid : 0;
  const std::lock_guard lock(mutex_);
  std::erase_if(family_, [](const auto& known) { return !stillRuns(known.second); });
  family_[{main.pid, main.start_ticks}] = main;
  for (const ProcessEntry& process : descendantsOf(all, main.pid, group)) {
    family_[{process.pid, process.start_ticks}] = process;
  }
  if (!leads_session_) return;
  for (const ProcessEntry& process : all) {
    if (getsid(process.pid) == main.pid) family_[{process.pid, process.start_ticks}] = process;
  }
}

std::vector<ProcessEntry> PidFile::leftOfFamily() {
  const std::lock_guard lock(mutex_);
  std::erase_if(family_, [](const auto& known) { return !stillRuns(known.second); });
  std::vector<ProcessEntry> left;
  for (const auto& [key, process] : family_) left.push_back(process);
  return left;
}

Status PidFile::kill() {
  for (const ProcessEntry& process : leftOfFamily()) killMarked(process);
  return Status::ok();
}

}  // namespace muster::agent
