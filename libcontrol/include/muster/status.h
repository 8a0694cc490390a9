// Expected failures as values: a code to branch on, a text for people, the field at fault.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace muster {

// What kind of failure it is; every face maps these to its own terms (XMPP error conditions, exit
// codes of the CLI, sentences in chat).
enum class Code {
  kOk,
  kInvalidArgument,    // the request itself is wrong; asking again unchanged cannot help
  kNotFound,           // no such group, node, logger, ...
  kForbidden,          // the caller's role does not reach
  kStranger,           // the caller has no role at all and must learn nothing
  kRefusedUnsafe,      // carrying it out could hurt; says what would make it safe
  kConflict,           // the state is not the one the caller expected
  kUnavailable,        // the other side is not there
  kTimeout,            // no outcome within the time allowed; it may still happen
  kResourceExhausted,  // a bound was reached (sessions, queue, rate)
  kDataLoss,           // what was stored cannot be read
  kInternal,           // a defect of ours or of the machine
};

// The code's name as written in logs and JSON, for example "invalid-argument".
const char* codeName(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string text, std::string field = {})
      : code_(code), text_(std::move(text)), field_(std::move(field)) {}

  static Status ok() { return {}; }

  bool isOk() const { return code_ == Code::kOk; }
  explicit operator bool() const { return isOk(); }
  Code code() const { return code_; }
  // A sentence for people: what was wrong, where, and what would have been right.
  const std::string& text() const { return text_; }
  // The argument or configuration key at fault; empty if none is.
  const std::string& field() const { return field_; }

 private:
  Code code_ = Code::kOk;
  std::string text_;
  std::string field_;
};

// A value or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}                                 // NOLINT: implicit
  Result(Status status) : state_(std::move(status)) { assert(!isOkStatus()); }  // NOLINT: implicit

  bool isOk() const { return std::holds_alternative<T>(state_); }
  explicit operator bool() const { return isOk(); }
  Status status() const { return isOk() ? Status::ok() : std::get<Status>(state_); }

  // Only when isOk().
  T& value() & { return std::get<T>(state_); }
  const T& value() const& { return std::get<T>(state_); }
  T&& value() && { return std::get<T>(std::move(state_)); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }

 private:
  bool isOkStatus() const { return std::get<Status>(state_).isOk(); }
  std::variant<T, Status> state_;
};

}  // namespace muster
