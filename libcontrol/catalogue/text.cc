#include "libcontrol/catalogue/text.h"

#include <algorithm>
#include <optional>

#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/chat_line.h"
#include "libcontrol/catalogue/reply_view.h"

namespace muster::catalogue {
namespace {

std::string joinLines(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) {
    if (!out.empty()) out += '\n';
    out += line;
  }
  return out;
}

std::string usagePart(const Argument& argument, const Scope& scope, Grammar grammar) {
  std::string part;
  if (argument.position > 0) {
    part = argument.placeholder();
  } else if (grammar == Grammar::kChat) {
    part = argument.name + "=" + argument.placeholder();
  } else {
    part = "--" + argument.name;
    if (argument.type != Type::kBool) part += " " + argument.placeholder();
  }
  const bool needed = argument.required && !(argument.implied_group && !scope.group.empty());
  return needed ? part : "[" + part + "]";
}

// Words first, in their order, then what goes by name.
std::vector<const Argument*> inUsageOrder(const Command& command) {
  std::vector<const Argument*> order = command.positionals();
  for (const Argument& argument : command.arguments) {
    if (argument.position == 0) order.push_back(&argument);
  }
  return order;
}

std::string describeArgument(const Argument& argument, Grammar grammar) {
  const bool flag = argument.position == 0 && grammar == Grammar::kCli;
  std::string line = "  " + (flag ? "--" + argument.name : argument.name) + ": " +
                     (argument.help.empty() ? argument.label + "." : argument.help);
  line += " (" + argument.expectation();
  if (argument.required) line += "; required";
  if (argument.role != v1::ROLE_UNSPECIFIED) {
    line += "; needs the role " + roleName(argument.role);
  }
  if (argument.hidden) line += "; for scripts";
  return line + ")";
}

std::vector<std::string> describe(const Command& command, const Scope& scope, Grammar grammar,
                                  const std::vector<const Argument*>& shown) {
  std::vector<std::string> lines = {command.verb + ": " + command.title, command.help, "",
                                    "Usage: " + usageLine(command, scope, grammar)};
  if (!shown.empty()) lines.push_back("Arguments:");
  for (const Argument* argument : shown) lines.push_back(describeArgument(*argument, grammar));
  std::string role = "Needs the role " + roleName(command.role) + ".";
  if (command.confirm && grammar == Grammar::kChat) {
    role += " It asks back: only the code that it answers with carries it out.";
  }
  lines.push_back(role);
  return lines;
}

// An example as it is written in that scope, or nothing if it goes beyond it.
std::optional<std::string> exampleIn(const Command& command, const std::string& example,
                                     const Scope& scope, Grammar grammar) {
  const auto parsed = parseChatLine(command.verb + " " + example);
  if (!parsed) return std::nullopt;
  std::string line = (grammar == Grammar::kCli ? "muster " : "") + command.verb;
  std::string behind;
  const auto order = command.positionals();
  for (size_t i = 0; i < parsed->arguments.positionals.size() && !order.empty(); ++i) {
    // Words beyond the last one belong to it, if it takes all that is left.
    const Argument& argument = *order[std::min(i, order.size() - 1)];
    if (i >= order.size() && !argument.rest) break;
    if (!reaches(scope.role, argument.role)) return std::nullopt;
    if (argument.implied_group && !scope.group.empty()) continue;
    const std::string& word = parsed->arguments.positionals[i];
    const bool like_flag = grammar == Grammar::kCli && word.starts_with("-");
    (like_flag ? behind : line) += " " + quoteWord(word);
  }
  for (const auto& [name, value] : parsed->arguments.named) {
    const Argument* argument = command.find(name);
    if (argument == nullptr || !reaches(scope.role, argument->role)) return std::nullopt;
    if (argument->implied_group && !scope.group.empty()) continue;
    line += " ";
    // On the command line a yes is the flag alone.
    const bool flag = argument->type == Type::kBool && (value == "true" || value == "yes");
    if (grammar == Grammar::kCli) {
      line += "--" + name + (flag ? "" : " " + quoteWord(value));
    } else {
      line += quoteNamed(name, value);
    }
  }
  if (!behind.empty()) line += " --" + behind;
  return line;
}

void addExamples(std::vector<std::string>& lines, const Command& command, const Scope& scope,
                 Grammar grammar) {
  std::vector<std::string> examples;
  for (const std::string& example : command.examples) {
    const auto line = exampleIn(command, example, scope, grammar);
    if (line && std::find(examples.begin(), examples.end(), "  " + *line) == examples.end()) {
      examples.push_back("  " + *line);
    }
  }
  if (examples.empty()) return;
  lines.push_back("Examples:");
  lines.insert(lines.end(), examples.begin(), examples.end());
}

}  // namespace

std::string replyText(const google::protobuf::Message& reply) {
  std::vector<std::string> lines;
  const ReplyView view = viewOf(reply);
  for (const ReplyView::Value& value : view.values) {
    if (value.lines && !value.text.empty()) {
      lines.push_back(value.label + ":");
      lines.push_back(value.text);
      continue;
    }
    lines.push_back(value.label + ": " + (value.text.empty() ? "-" : value.text));
  }
  for (const ReplyView::Table& table : view.tables) {
    // Alone it needs no heading.
    if (view.tables.size() > 1 || !view.values.empty()) lines.push_back(table.label + ":");
    const auto rows = tableLines(table);
    lines.insert(lines.end(), rows.begin(), rows.end());
  }
  return joinLines(lines);
}

std::string usageLine(const Command& command, const Scope& scope, Grammar grammar) {
  std::string line = (grammar == Grammar::kCli ? "muster " : "") + command.verb;
  for (const Argument* argument : inUsageOrder(command)) {
    if (isAsked(*argument, scope)) line += " " + usagePart(*argument, scope, grammar);
  }
  return line;
}

std::string helpText(const Catalogue& catalogue, const Scope& scope) {
  const auto visible = catalogue.visible(scope.role);
  if (visible.empty()) return "Your role, " + roleName(scope.role) + ", calls no commands.";
  std::vector<std::string> lines = {"Commands:"};
  for (const Command* command : visible) {
    lines.push_back("  " + usageLine(*command, scope, Grammar::kChat) + ": " + command->title);
  }
  lines.push_back("'help " + visible.front()->verb + "' says more about one of them.");
  return joinLines(lines);
}

std::string helpText(const Command& command, const Scope& scope, Grammar grammar) {
  std::vector<const Argument*> shown;
  for (const Argument* argument : inUsageOrder(command)) {
    if (isAsked(*argument, scope)) shown.push_back(argument);
  }
  auto lines = describe(command, scope, grammar, shown);
  addExamples(lines, command, scope, grammar);
  return joinLines(lines);
}

std::string cliText(const Command& command) {
  static const OpenDirectory kAnyName;
  const Scope everything{v1::ROLE_ADMIN, "", &kAnyName};
  auto lines = describe(command, everything, Grammar::kCli, inUsageOrder(command));
  addExamples(lines, command, everything, Grammar::kCli);
  return joinLines(lines);
}

std::string errorText(const Status& status, const std::vector<Status>& errors) {
  if (errors.empty()) return cleanText(status.text(), 4096);
  std::vector<std::string> lines;
  for (const Status& error : errors) lines.push_back(singleLine(error.text(), 4096));
  return joinLines(lines);
}

}  // namespace muster::catalogue
