#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "libcontrol/base/file.h"
#include "libcontrol/fence/token.h"
#include "muster/fence.h"

namespace muster {
namespace {

using fence::Token;

// Two lines of bounded length.
constexpr size_t kMaxFileBytes = 256;

std::optional<Token> parse(std::string_view text) {
  const size_t first = text.find('\n');
  if (first == std::string_view::npos || text.back() != '\n') return std::nullopt;
  Token token;
  const auto [end, error] = std::from_chars(text.data(), text.data() + first, token.epoch);
  if (error != std::errc() || end != text.data() + first) return std::nullopt;
  token.instance = text.substr(first + 1, text.size() - first - 2);
  if (!fence::checkWellFormed(token)) return std::nullopt;
  return token;
}

Result<Token> heldToken(const std::filesystem::path& path) {
  Result<std::string> text = readFile(path, kMaxFileBytes);
  if (!text && text.status().code() == Code::kNotFound) return Token{};
  if (!text && text.status().code() != Code::kInvalidArgument) return text.status();
  std::optional<Token> held;
  if (text) held = parse(*text);
  if (held) return std::move(*held);
  return Status(Code::kDataLoss, path.string() +
                                     " is no fencing token (an epoch and an instance, a line "
                                     "each); nothing may write until a person has looked");
}

}  // namespace

FileFence::FileFence(std::filesystem::path path) : path_(std::move(path)) {}

Status FileFence::claim(uint64_t epoch, const std::string& instance) {
  const Token token{epoch, instance};
  if (Status formed = fence::checkWellFormed(token); !formed) return formed;
  // The token's own file is replaced, so the lock has to be on another.
  Result<FileLock> lock = FileLock::acquire(path_.string() + ".lock");
  if (!lock) return lock.status();
  Result<Token> held = heldToken(path_);
  if (!held) return held.status();
  if (Status free = fence::checkClaim(token, *held, path_.string()); !free) return free;
  // Written even if it is there already: the claim that put it may have died before its sync.
  return replaceFile(path_, std::to_string(epoch) + "\n" + instance + "\n");
}

Status FileFence::check(uint64_t epoch, const std::string& instance) {
  Result<FileLock> lock = FileLock::acquire(path_.string() + ".lock");
  if (!lock) return lock.status();
  Result<Token> held = heldToken(path_);
  if (!held) return held.status();
  return fence::checkHolds({epoch, instance}, *held, path_.string());
}

}  // namespace muster
