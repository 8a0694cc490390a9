// A form filled in by a person at a terminal, one stage at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/cli/exec_form.h"
#include "libcontrol/adhoc/payload.h"

namespace muster::cli {

// The person.
class Console {
 public:
  virtual ~Console() = default;
  virtual void print(const std::string& line) = 0;
  // What was typed after the prompt; nothing at the end of input or when interrupted.
  virtual std::optional<std::string> ask(const std::string& prompt, bool hidden) = 0;
};

// What a stage lets one do, the one that "go on" means first; cancel is always among them, last.
std::vector<adhoc::Action> allowedActions(const adhoc::Command& stage);
// From a word or the beginning of one.
std::optional<adhoc::Action> actionFrom(const std::string& word,
                                        const std::vector<adhoc::Action>& allowed);

struct Decision {
  adhoc::Action action = adhoc::Action::kCancel;
  adhoc::Form form;
};
// Shows the stage, asks for each field that `given` doesn't answer, then what to do. Nothing if the
// person has gone. Wrong values are asked for again.
std::optional<Decision> talk(Console& console, const adhoc::Command& stage, const Given& given,
                             size_t width);

}  // namespace muster::cli
