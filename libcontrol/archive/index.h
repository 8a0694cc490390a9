// What is looked up of a block before it is unpacked: its words, and which three bytes follow one
// another in it. Both only ever say that a block can't have something; what it has is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace muster::archive {

// One bit for each hash of three bytes, ASCII letters in lower case.
inline constexpr size_t kGramBits = 1 << 16;
inline constexpr size_t kGramBytes = kGramBits / 8;

inline size_t gramBit(unsigned char a, unsigned char b, unsigned char c) {
  const uint32_t gram = a | uint32_t{b} << 8 | uint32_t{c} << 16;
  return (gram * 2654435761u) >> 16;
}

// Of the bits, so that damaged ones deny nothing that is there.
uint64_t gramChecksum(std::string_view grams);

// Its memory is used again and again. One thread at a time.
class IndexWriter {
 public:
  // The texts of a block, a line feed behind each.
  void build(std::string_view texts);
  // The distinct words, ASCII letters in lower case, cut at kMaxTokenBytes, with spaces between.
  const std::string& words() const { return words_; }
  const std::string& grams() const { return grams_; }

 private:
  struct Slot {
    uint32_t begin = 0;
    uint32_t length = 0;  // 0: free
    uint32_t hash = 0;
  };
  void addWord(std::string_view word, uint32_t hash);
  void grow();
  void buildWords();
  void buildGrams();

  std::string lower_;
  std::string words_;
  std::string grams_;
  std::vector<Slot> slots_;
  size_t used_ = 0;
};

// Whether a block with these bits may have a text with that literal, of lower case. What isn't
// ASCII in it counts for nothing.
bool mayHave(std::string_view grams, std::string_view literal);

// ASCII letters in lower case, everything else as it is.
void lowerInto(std::string_view text, std::string& out);

}  // namespace muster::archive
