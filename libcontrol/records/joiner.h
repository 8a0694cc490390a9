// Puts the lines of a log together again where a record has several: stack traces.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/records/format.h"

namespace muster::records {

struct JoinOptions {
  // How long more lines of a record are waited for.
  Duration wait = Duration::seconds(1);
  // What is beyond is left out, and said.
  size_t max_lines = limits::kMaxRecordLines;
  size_t max_bytes = limits::kMaxRecordBytes;
};

// Where lines lie, in the source's own terms: bytes of a file, numbers of lines.
struct Stretch {
  uint64_t begin = 0;  // of the first line
  uint64_t end = 0;    // behind the last
};

struct JoinedRecord {
  ReadLine line;
  Stretch stretch;
};

// Of one source; for one thread. Holds back one record at most: the last, which may go on.
class Joiner {
 public:
  // The format must outlive this.
  explicit Joiner(Format& format, JoinOptions options = {}) : format_(format), options_(options) {}

  // The record that this line shows to be whole, if any. Empty lines belong to the record before;
  // without one they are nothing.
  std::optional<JoinedRecord> add(std::string_view line, Stretch stretch, WallTime arrival,
                                  ElapsedTime now);
  // The record that has been waited for long enough.
  std::optional<JoinedRecord> due(ElapsedTime now);
  // When due() has something; max: there is nothing.
  ElapsedTime nextDue() const;
  // The source has come to its end.
  std::optional<JoinedRecord> flush();

 private:
  void append(std::string_view line, Stretch stretch);

  Format& format_;
  const JoinOptions options_;
  std::optional<JoinedRecord> begun_;
  ReadLine next_;
  bool is_begun_alone_ = false;  // by a line that begins no record
  size_t lines_ = 0;
  size_t empty_lines_ = 0;  // at its end; they count only if more follows
  size_t left_out_ = 0;
  ElapsedTime last_{};
};

}  // namespace muster::records
