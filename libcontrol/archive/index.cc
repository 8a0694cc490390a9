#include "libcontrol/archive/index.h"

#include <algorithm>
#include <cstring>

#include "libcontrol/archive/limits.h"
#include "libcontrol/archive/room.h"
#include "libcontrol/records/tokens.h"

namespace muster::archive {
namespace {

constexpr size_t kFewestSlots = 1 << 12;

bool isAscii(unsigned char c) {
  return c < 0x80;
}

// Two characters beyond ASCII are ASCII letters in another case: U+212A is a k, U+017F an s.
bool hasForeignCase(std::string_view text) {
  return text.find("\xE2\x84\xAA") != std::string_view::npos ||
         text.find("\xC5\xBF") != std::string_view::npos;
}

}  // namespace

void lowerInto(std::string_view text, std::string& out) {
  makeRoom(out, text.size());
  out.resize(text.size());
  size_t i = 0;
  // Eight at a time: of each byte below 0x80, the highest bit says whether it is at least 'A', or
  // beyond 'Z', and what differs between the two is the case.
  constexpr uint64_t kEach = 0x0101010101010101ull;
  for (; i + sizeof(uint64_t) <= text.size(); i += sizeof(uint64_t)) {
    uint64_t bytes;
    std::memcpy(&bytes, text.data() + i, sizeof bytes);
    const uint64_t low = bytes & (0x7f * kEach);
    const uint64_t from_a = low + (0x80 - 'A') * kEach;
    const uint64_t beyond_z = low + (0x80 - 'Z' - 1) * kEach;
    bytes |= ((from_a ^ beyond_z) & ~bytes & (0x80 * kEach)) >> 2;
    std::memcpy(out.data() + i, &bytes, sizeof bytes);
  }
  for (; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    out[i] = static_cast<char>(c | (static_cast<unsigned char>(c - 'A') < 26 ? 0x20 : 0));
  }
}

void IndexWriter::build(std::string_view texts) {
  lowerInto(texts, lower_);
  buildWords();
  buildGrams();
  if (lower_.capacity() > 8 * limits::kArchiveBlockBytes) {
    lower_.clear();
    lower_.shrink_to_fit();
  }
}

void IndexWriter::buildWords() {
  words_.clear();
  slots_.assign(std::max(kFewestSlots, slots_.size()), {});
  used_ = 0;
  const std::string_view text = lower_;
  for (size_t i = 0; i < text.size();) {
    if (!records::isTokenByte(text[i])) {
      ++i;
      continue;
    }
    const size_t begin = i;
    uint32_t hash = 2166136261u;
    for (; i < text.size() && records::isTokenByte(text[i]); ++i) {
      if (i - begin < records::kMaxTokenBytes) {
        hash = (hash ^ static_cast<unsigned char>(text[i])) * 16777619u;
      }
    }
    addWord(text.substr(begin, std::min(i - begin, records::kMaxTokenBytes)), hash);
  }
}

void IndexWriter::addWord(std::string_view word, uint32_t hash) {
  const size_t mask = slots_.size() - 1;
  size_t at = (hash ^ hash >> 15) & mask;
  for (; slots_[at].length != 0; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.hash == hash && std::string_view(words_).substr(slot.begin, slot.length) == word) {
      return;
    }
  }
  slots_[at] = {static_cast<uint32_t>(words_.size()), static_cast<uint32_t>(word.size()), hash};
  words_ += word;
  words_ += ' ';
  if (++used_ * 2 > slots_.size()) grow();
}

void IndexWriter::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  const size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.length == 0) continue;
    size_t at = (slot.hash ^ slot.hash >> 15) & mask;
    while (slots_[at].length != 0) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

void IndexWriter::buildGrams() {
  grams_.assign(kGramBytes, hasForeignCase(lower_) ? '\xff' : '\0');
  for (size_t i = 2; i < lower_.size(); ++i) {
    const size_t bit =
        gramBit(static_cast<unsigned char>(lower_[i - 2]),
                static_cast<unsigned char>(lower_[i - 1]), static_cast<unsigned char>(lower_[i]));
    grams_[bit / 8] = static_cast<char>(grams_[bit / 8] | 1 << bit % 8);
  }
}

uint64_t gramChecksum(std::string_view grams) {
  uint64_t out = 14695981039346656037ull;
  for (size_t i = 0; i + sizeof(uint64_t) <= grams.size(); i += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, grams.data() + i, sizeof word);
    out = (out ^ word) * 1099511628211ull;
    out ^= out >> 32;
  }
  return out;
}

bool mayHave(std::string_view grams, std::string_view literal) {
  if (grams.size() != kGramBytes) return true;
  for (size_t i = 2; i < literal.size(); ++i) {
    const auto a = static_cast<unsigned char>(literal[i - 2]);
    const auto b = static_cast<unsigned char>(literal[i - 1]);
    const auto c = static_cast<unsigned char>(literal[i]);
    if (!isAscii(a) || !isAscii(b) || !isAscii(c)) continue;
    const size_t bit = gramBit(a, b, c);
    if ((static_cast<unsigned char>(grams[bit / 8]) >> bit % 8 & 1) == 0) return false;
  }
  return true;
}

}  // namespace muster::archive
