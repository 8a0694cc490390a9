// An intake whose records and places outlive the process: each batch is whole in one file, or not
// there. For one thread.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "muster/records.h"

namespace muster::agent {

// What is in the file: "<bytes>\n<bytes of records and a place>\n" again and again. Records are
// lines that begin with 'R', places with 'P'.
struct KeptBatches {
  std::vector<std::string> texts;
  std::map<std::string, std::string> places;
  size_t bytes = 0;  // up to the end of the last whole batch

  static KeptBatches read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    const std::string all(std::istreambuf_iterator<char>(in), {});
    KeptBatches out;
    for (;;) {
      const size_t line = all.find('\n', out.bytes);
      if (line == std::string::npos) return out;
      const size_t size = std::stoul(all.substr(out.bytes, line - out.bytes));
      // A process that is killed may leave half of what it was writing.
      if (all.size() < line + 1 + size + 1) return out;
      out.take(all.substr(line + 1, size));
      out.bytes = line + 1 + size + 1;
    }
  }

 private:
  void take(const std::string& body) {
    for (size_t at = 0; at < body.size();) {
      const size_t end = body.find('\n', at);
      const std::string row = body.substr(at, end - at);
      at = end + 1;
      if (row[0] == 'R') {
        texts.push_back(row.substr(1));
      } else {
        const size_t tab = row.find('\t');
        places[row.substr(1, tab - 1)] = row.substr(tab + 1);
      }
    }
  }
};

class DiskIntake : public LogIntake {
 public:
  explicit DiskIntake(const std::string& path) {
    const KeptBatches kept = KeptBatches::read(path);
    places_ = kept.places;
    fd_ = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    (void)!ftruncate(fd_, static_cast<off_t>(kept.bytes));
    lseek(fd_, 0, SEEK_END);
  }
  ~DiskIntake() override { close(fd_); }

  Status offer(std::vector<LogRecord> records, std::optional<LogPosition> position,
               std::function<void(Status)>) override {
    std::string body;
    for (const LogRecord& record : records) body += "R" + record.text + "\n";
    if (position) {
      body += "P" + position->source + "\t" + position->place + "\n";
      places_[position->source] = position->place;
    }
    const std::string batch = std::to_string(body.size()) + "\n" + body + "\n";
    for (size_t at = 0; at < batch.size();) {
      const ssize_t written = write(fd_, batch.data() + at, batch.size() - at);
      if (written <= 0) return {Code::kInternal, "the disk is full"};
      at += static_cast<size_t>(written);
    }
    return Status::ok();
  }
  void add(LogRecord record) override { (void)offer({std::move(record)}, {}, {}); }
  std::optional<std::string> place(const std::string& source) const override {
    const auto it = places_.find(source);
    if (it == places_.end()) return std::nullopt;
    return it->second;
  }

 private:
  int fd_ = -1;
  std::map<std::string, std::string> places_;
};

}  // namespace muster::agent
