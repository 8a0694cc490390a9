// The ledger's line protocol: one request a line, fit for a person with a terminal. Pure.
//
//   append TEXT             ok SEQ EPOCH, once it is durable
//   append-once ID TEXT     the same; sent again under its id it is still one entry
//   read [FROM] [LIMIT]     SEQ EPOCH INSTANCE TIME ID TEXT, a line each, then "."
//   whoami                  NAME active|standby EPOCH
//   fault                   what is switched on
//   fault outage on|off     the journal can't be written, for demonstrations
//   fault drop N            the next N appends are dropped
//   help, quit
//
// A refusal is "error CODE SENTENCE".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "muster/status.h"

namespace ledger {

// A request line, without its line feed; longer ones end the connection.
inline constexpr size_t kMaxLineBytes = 4096;
inline constexpr size_t kMaxTextBytes = 2048;
inline constexpr size_t kMaxIdBytes = 64;
// Entries of one reply: it is built in memory.
inline constexpr uint64_t kMaxRead = 200;
inline constexpr uint64_t kMaxDrop = 1'000'000;

struct Append {
  std::string id;  // empty: none
  std::string text;
};
struct Read {
  uint64_t from = 1;
  uint64_t limit = 100;
};
struct WhoAmI {};
struct FaultStatus {};
struct FaultOutage {
  bool on = false;
};
struct FaultDrop {
  uint64_t count = 0;
};
struct Help {};
struct Quit {};

using Request = std::variant<Append, Read, WhoAmI, FaultStatus, FaultOutage, FaultDrop, Help, Quit>;

// kInvalidArgument with a sentence that says what would have been right. A trailing carriage return
// is forgiven.
muster::Result<Request> parseRequest(std::string_view line);

// Each with its line feed.
std::string okReply(uint64_t seq, uint64_t epoch);
std::string errorReply(const std::string& code, const std::string& sentence);
std::string helpReply();

// What the client sees of one line of an answer to an append.
struct AppendAnswer {
  enum class Kind {
    kOk,
    kNotActive,  // ask another node
    kRefused,    // certainly not written
    kUnknown,    // may have been written
  };
  Kind kind = Kind::kUnknown;
  uint64_t seq = 0;
  uint64_t epoch = 0;
  std::string text;  // the line itself when it is no "ok"
};
AppendAnswer parseAnswer(std::string_view line);

}  // namespace ledger
