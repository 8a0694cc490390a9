#include "coordinator/cli/man.h"

#include <fstream>
#include <vector>

#include "coordinator/cli/verb_docs.h"
#include "libcontrol/base/text.h"

namespace muster::cli {
namespace {

std::string header(std::string title) {
  for (char& c : title) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return ".TH " + roffEscaped(title) + " 1 \"\" \"Muster " MUSTER_VERSION "\" \"Muster\"\n";
}

std::string section(const std::string& name) {
  return ".SH " + name + "\n";
}

std::string paragraph(const std::string& text) {
  return ".PP\n" + roffEscaped(text) + "\n";
}

std::string tagged(const std::string& tag, const std::string& text) {
  return ".TP\n" + tag + "\n" + roffEscaped(text) + "\n";
}

std::string bold(const std::string& text) {
  return "\\fB" + roffEscaped(text) + "\\fR";
}

std::string italic(const std::string& text) {
  return "\\fI" + roffEscaped(text) + "\\fR";
}

std::string optionTag(const OptionDoc& option) {
  std::string tag = option.name.starts_with("-") ? bold(option.name) : italic(option.name);
  if (!option.short_name.empty()) tag = bold(option.short_name) + ", " + tag;
  const bool has_value = option.name.starts_with("-") && !option.placeholder.empty();
  return has_value ? tag + " " + italic(option.placeholder) : tag;
}

std::string optionList(const std::vector<OptionDoc>& options) {
  std::string out;
  for (const OptionDoc& option : options) out += tagged(optionTag(option), option.help);
  return out;
}

std::string examples(const std::vector<std::string>& lines) {
  std::string out = ".PP\n.nf\n";
  for (const std::string& line : lines) out += roffEscaped(line) + "\n";
  return out + ".fi\n";
}

std::string seeAlso(const std::vector<std::string>& pages) {
  std::string out = section("SEE ALSO") + ".PP\n";
  for (size_t i = 0; i < pages.size(); ++i) {
    const size_t bracket = pages[i].find('(');
    out += bold(pages[i].substr(0, bracket)) + roffEscaped(pages[i].substr(bracket)) +
           (i + 1 < pages.size() ? ",\n" : "\n");
  }
  return out;
}

std::string exitCodes() {
  return section("EXIT STATUS") + tagged("0", "Done.") + tagged("1", "Failed.") +
         tagged("2", "Wrong usage, or a name that is not there.") +
         tagged("3", "Not authorised: the login was refused, or the role is too low.") +
         tagged("4", "Unreachable, or no outcome in time; it may still happen.") +
         tagged("5", "Refused as unsafe, or not in the state that was expected.");
}

// Synopsis to examples of one verb, under headings or, in a page of two, under one of its own.
std::string body(const VerbDoc& verb, const std::string& heading) {
  std::string out;
  if (heading.empty()) {
    out += section("SYNOPSIS") + ".PP\n.nf\n" + bold("muster") + " " + roffEscaped(verb.usage) +
           "\n.fi\n" + section("DESCRIPTION");
  } else {
    out += section(heading) + ".PP\n.nf\n" + bold("muster") + " " + roffEscaped(verb.usage) +
           "\n.fi\n";
  }
  for (const std::string& text : verb.text) out += paragraph(text);
  if (!verb.options.empty()) {
    out +=
        (heading.empty() ? section("OPTIONS") : paragraph("Options:")) + optionList(verb.options);
  } else if (!verb.words.empty()) {
    out += (heading.empty() ? section("OPTIONS") : paragraph("Words:")) + optionList(verb.words);
  }
  if (!verb.examples.empty()) {
    out +=
        (heading.empty() ? section("EXAMPLES") : paragraph("Examples:")) + examples(verb.examples);
  }
  return out;
}

Status writePage(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (out) return Status::ok();
  return {Code::kInvalidArgument, file.string() + " can't be written"};
}

}  // namespace

std::string roffEscaped(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    // A dot or an apostrophe at a line's start would begin a request.
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    line_start = c == '\n';
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '`':
        out += "\\(ga";
        break;
      case '^':
        out += "\\(ha";
        break;
      case '~':
        out += "\\(ti";
        break;
      case '"':
        out += "\\(dq";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string mainPage(const Catalogues& catalogues) {
  std::string out = header("muster") + section("NAME") +
                    "muster \\- ask and steer a Muster cluster over XMPP\n" + section("SYNOPSIS") +
                    ".PP\n" + bold("muster") + " [" + italic("OPTION") + " ...] " + italic("VERB") +
                    " [" + italic("WORD") + " ...] [\\-\\-" + italic("name value") + " ...]\n" +
                    section("DESCRIPTION");
  out += paragraph(
      "muster logs in to an XMPP server as any other client, sends one command to the coordinator "
      "of a cluster, or to a node (--at), and prints the answer. The same commands can be given by "
      "chat and by form.");
  out += section("COMMANDS");
  for (const VerbDoc& verb : allVerbs(catalogues)) out += tagged(bold(verb.name), verb.title + ".");
  out += section("OPTIONS") + optionList(globalOptions());
  out += tagged(bold("--help") + ", " + bold("--version"), "Say what there is, or which version.");
  out += section("ENVIRONMENT");
  out += tagged(bold("MUSTER_CONFIG"), "The configuration file, as --config.");
  out += tagged(bold("MUSTER_PROFILE"), "Which profile of it, as --profile.");
  out += tagged(bold("MUSTER_CLUSTER"), "The folder of a cluster, as --cluster.");
  out += tagged(bold("NO_COLOR"), "If set, watch shows no colours.");
  out += section("FILES");
  out += tagged(italic("~/.config/muster/cli.toml"),
                "Logins and defaults. A flag counts before the environment, and that before the "
                "file. $XDG_CONFIG_HOME stands for ~/.config if it is set.");
  out += exitCodes();
  std::vector<std::string> pages;
  for (const VerbDoc& verb : allVerbs(catalogues)) pages.push_back("muster-" + verb.name + "(1)");
  pages.emplace_back("muster-coordinator(8)");
  pages.emplace_back("muster-agent(8)");
  return out + seeAlso(pages);
}

Result<std::string> verbPage(const Catalogues& catalogues, const std::string& verb) {
  const catalogue::Command* at_cluster = catalogues.cluster.find(verb);
  const catalogue::Command* at_node = catalogues.node.find(verb);
  std::vector<VerbDoc> docs;
  if (at_cluster != nullptr) docs.push_back(verbDoc(*at_cluster, false));
  if (at_node != nullptr) docs.push_back(verbDoc(*at_node, true));
  std::vector<std::string> names;
  for (const VerbDoc& each : allVerbs(catalogues)) {
    names.push_back(each.name);
    if (docs.empty() && each.name == verb) docs.push_back(each);
  }
  if (docs.empty()) {
    return Status(Code::kNotFound, "there is no verb '" + verb + "'" + suggestion(verb, names));
  }
  std::string out = header("muster-" + docs[0].name) + section("NAME") +
                    roffEscaped("muster-" + docs[0].name) + " \\- " + roffEscaped(docs[0].title) +
                    "\n" + body(docs[0], "");
  if (docs.size() > 1) out += body(docs[1], "AT A NODE");
  out += exitCodes();
  return out + seeAlso({"muster(1)"});
}

Status writePages(const Catalogues& catalogues, const std::filesystem::path& dir) {
  if (Status status = writePage(dir / "muster.1", mainPage(catalogues)); !status) return status;
  for (const VerbDoc& verb : allVerbs(catalogues)) {
    const auto page = verbPage(catalogues, verb.name);
    if (!page) return page.status();
    if (Status status = writePage(dir / ("muster-" + verb.name + ".1"), *page); !status) {
      return status;
    }
  }
  return Status::ok();
}

}  // namespace muster::cli
