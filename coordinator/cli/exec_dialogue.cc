#include "coordinator/cli/exec_dialogue.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "coordinator/cli/exec_view.h"
#include "libcontrol/base/text.h"

namespace muster::cli {
namespace {

using adhoc::Action;
using adhoc::Field;
using adhoc::FieldType;
using adhoc::Form;

constexpr char kHint[] =
    "(Enter keeps what stands in [ ], '-' empties it; ':prev' and ':cancel' leave the form at "
    "once)";
// Lines of one answer; more are a file, not an answer.
constexpr size_t kMaxLines = 1000;

// What came of one prompt: values, an action that leaves the form, or neither if the person went.
struct Answer {
  std::optional<std::vector<std::string>> values;
  std::optional<Action> action;
  bool keep = false;
};

class Dialogue {
 public:
  Dialogue(Console& console, const adhoc::Command& stage, const Given& given, size_t width)
      : console_(console),
        stage_(stage),
        given_(given),
        width_(width),
        allowed_(allowedActions(stage)) {}

  std::optional<Decision> run() {
    for (const std::string& line : head()) console_.print(line);
    const Form& form = stage_.form ? *stage_.form : empty_;
    Given answers = given_;
    for (const Field& field : form.fields) {
      for (const std::string& line : fieldLines(field, width_)) console_.print(line);
      if (!isAsked(field)) continue;
      if (const auto ready = given_.find(field.var); ready != given_.end()) {
        if (checkValues(field, ready->second)) continue;
      }
      auto left = fill(field, answers);
      if (!left) return std::nullopt;
      if (*left) return Decision{**left, fillForm(form, answers).form};
    }
    return choose(form, answers);
  }

 private:
  std::vector<std::string> head() const {
    adhoc::Command notes_only;
    notes_only.notes = stage_.notes;
    std::vector<std::string> lines = answerLines(notes_only, width_);
    if (!stage_.form) return lines;
    Form top;
    top.title = stage_.form->title;
    top.instructions = stage_.form->instructions;
    for (std::string& line : questionLines(top, width_)) lines.push_back(std::move(line));
    const auto& fields = stage_.form->fields;
    if (std::any_of(fields.begin(), fields.end(), isAsked)) lines.emplace_back(kHint);
    return lines;
  }

  // The outer optional is empty if the person has gone, the inner one if the form goes on.
  std::optional<std::optional<Action>> fill(const Field& field, Given& answers) {
    while (true) {
      const Answer answer = ask(field);
      if (answer.action) return std::optional<Action>(answer.action);
      if (!answer.values && !answer.keep) return std::nullopt;
      Form one;
      one.fields = {field};
      Given of_field;
      if (answer.values) of_field[field.var] = *answer.values;
      const Filled filled = fillForm(one, of_field);
      if (filled.errors.empty()) {
        if (answer.values) answers[field.var] = *answer.values;
        return std::optional<Action>();
      }
      console_.print(filled.errors.front().text());
    }
  }

  Answer ask(const Field& field) {
    if (takesSeveral(typeOf(field)) && field.options.empty()) return askLines(field);
    const bool hidden = field.type == FieldType::kTextPrivate;
    const auto line = console_.ask("  " + field.var + ": ", hidden);
    if (!line) return {};
    Answer answer = understood(*line);
    if (!answer.values) return answer;
    if (!field.options.empty()) answer.values = chosen(field, *line);
    return answer;
  }

  Answer askLines(const Field& field) {
    console_.print("  one a line; an empty line ends");
    Answer answer;
    std::vector<std::string> lines;
    while (lines.size() < kMaxLines) {
      const auto line = console_.ask("  " + field.var + ": ", false);
      if (!line) return {};
      Answer one = understood(*line);
      if (one.action) return one;
      if (one.keep) break;
      if (one.values->empty()) return one;
      lines.push_back(one.values->front());
    }
    answer.keep = lines.empty();
    if (!lines.empty()) answer.values = std::move(lines);
    return answer;
  }

  Answer understood(const std::string& line) {
    Answer answer;
    if (line.empty()) {
      answer.keep = true;
    } else if (line == "-") {
      answer.values.emplace();
    } else if (line.starts_with("::")) {
      answer.values = {line.substr(1)};
    } else if (line[0] == ':') {
      answer.action = actionFrom(line.substr(1), leaving());
      if (answer.action) return answer;
      console_.print("':' is followed by " + joinWithOr(names(leaving())));
      answer.keep = true;
    } else {
      answer.values = {line};
    }
    return answer;
  }

  std::vector<Action> leaving() const {
    std::vector<Action> out;
    for (const Action action : allowed_) {
      if (action == Action::kPrev || action == Action::kCancel) out.push_back(action);
    }
    return out;
  }

  // Options by number, value or label; several with commas between them.
  static std::vector<std::string> chosen(const Field& field, const std::string& line) {
    const auto one = [&field](std::string word) {
      word.erase(0, word.find_first_not_of(' '));
      word.erase(word.find_last_not_of(' ') + 1);
      for (const adhoc::Option& option : field.options) {
        if (option.value == word) return word;
      }
      size_t number = 0;
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
      const bool whole = error == std::errc() && end == word.data() + word.size();
      if (whole && number >= 1 && number <= field.options.size()) {
        return field.options[number - 1].value;
      }
      return word;
    };
    if (!takesSeveral(typeOf(field))) return {one(line)};
    std::vector<std::string> out;
    size_t begin = 0;
    while (begin <= line.size()) {
      const size_t end = std::min(line.find(',', begin), line.size());
      out.push_back(one(line.substr(begin, end - begin)));
      begin = end + 1;
    }
    return out;
  }

  static std::vector<std::string> names(const std::vector<Action>& actions) {
    std::vector<std::string> out;
    for (const Action action : actions) out.emplace_back(actionName(action));
    return out;
  }

  std::optional<Decision> choose(const Form& form, const Given& answers) {
    const std::string prompt = joinWithOr(names(allowed_)) + " [" + actionName(allowed_[0]) + "]: ";
    while (true) {
      const auto line = console_.ask(prompt, false);
      if (!line) return std::nullopt;
      const auto action = line->empty() ? allowed_[0] : actionFrom(*line, allowed_);
      if (action) return Decision{*action, fillForm(form, answers).form};
      console_.print("that is not one of " + joinWithAnd(names(allowed_)));
    }
  }

  Console& console_;
  const adhoc::Command& stage_;
  const Given& given_;
  const size_t width_;
  const std::vector<Action> allowed_;
  const Form empty_;
};

}  // namespace

std::vector<Action> allowedActions(const adhoc::Command& stage) {
  // Without <actions/> a stage can only be completed (XEP-0050, section 3.4).
  const adhoc::Actions actions = stage.actions.value_or(adhoc::Actions{});
  std::vector<Action> out = {actions.execute};
  const auto add = [&out](bool there, Action action) {
    if (there && std::find(out.begin(), out.end(), action) == out.end()) out.push_back(action);
  };
  add(actions.next, Action::kNext);
  add(actions.complete, Action::kComplete);
  add(actions.prev, Action::kPrev);
  add(true, Action::kCancel);
  return out;
}

std::optional<Action> actionFrom(const std::string& word, const std::vector<Action>& allowed) {
  std::optional<Action> found;
  for (const Action action : allowed) {
    const std::string name = actionName(action);
    if (word.empty() || !name.starts_with(asciiLower(word))) continue;
    if (name == asciiLower(word)) return action;
    if (found) return std::nullopt;
    found = action;
  }
  return found;
}

std::optional<Decision> talk(Console& console, const adhoc::Command& stage, const Given& given,
                             size_t width) {
  return Dialogue(console, stage, given, width).run();
}

}  // namespace muster::cli
