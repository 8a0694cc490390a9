// Secrets taken out of a text before anybody sees it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/base/status.h"

namespace muster::records {

struct MaskRule {
  std::string name;
  std::string pattern;              // RE2; what its first group matches is replaced, or the whole
  std::string replacement = "***";  // as it stands; no references to groups
};

struct MaskOptions {
  std::vector<MaskRule> own;         // after the usual ones
  std::vector<std::string> without;  // names of usual rules that are not to be applied
};

// Replaces secrets by "***": passwords, tokens, keys and card numbers by the usual rules, and what
// own rules say. Masking a text again changes nothing more, unless a rule of somebody's own matches
// its own replacement. A text in which nothing of the kind stands costs some hundred nanoseconds;
// any text takes a time that is linear in its length. What it can't know of is a secret that looks
// like a word and stands by itself. Immutable; any thread.
class Masker {
 public:
  // kInvalidArgument: a pattern or a name is wrong; the field is the rule's name.
  static Result<std::shared_ptr<const Masker>> make(const MaskOptions& options = {});
  ~Masker();

  // Whether anything was replaced.
  bool mask(std::string& text) const;

  // The names of the usual rules, with what each is for.
  struct Usual {
    std::string name;
    std::string about;
  };
  static const std::vector<Usual>& usual();

 private:
  struct Rules;
  explicit Masker(std::unique_ptr<const Rules> rules);
  const std::unique_ptr<const Rules> rules_;
};

// Card numbers (ISO/IEC 7812): 13 to 19 digits of an issuer's range, alone or in the usual groups
// with spaces or dashes between, whose check digit is right. Whether any was replaced.
bool maskCardNumbers(std::string& text);

}  // namespace muster::records
