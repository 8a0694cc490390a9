#include "coordinator/cli/completion.h"

#include <algorithm>
#include <iostream>
#include <optional>
#include <utility>

#include "coordinator/cli/client.h"
#include "coordinator/cli/settings.h"
#include "coordinator/cli/verb_docs.h"
#include "libcontrol/base/text.h"
#include "muster/cluster.pb.h"

namespace muster::cli {
namespace {

// Somebody waits with a finger on the Tab key.
constexpr Duration kNamesTimeout = Duration::seconds(2);

// The script does no more than pass the words on. bash parts words at = : and @ besides spaces, so
// it takes the line itself, and cuts from the candidates what stands before such a mark.
constexpr char kBash[] = R"(# Completion of muster for bash; made by `muster completion bash`.
_muster() {
  local line="${COMP_LINE:0:COMP_POINT}" words cur prefix candidate
  read -ra words <<< "$line"
  cur=""
  if [[ "$line" != *[[:space:]] && ${#words[@]} -gt 1 ]]; then
    cur="${words[-1]}"
    unset 'words[-1]'
  fi
  prefix="${cur%"${cur##*[=:@]}"}"
  COMPREPLY=()
  while IFS= read -r candidate; do
    if [[ "$candidate" == ":files" ]]; then
      mapfile -t COMPREPLY < <(compgen -f -- "${cur#"$prefix"}")
      compopt -o filenames 2>/dev/null
      return
    fi
    COMPREPLY+=("${candidate#"$prefix"}")
  done < <("${words[0]}" complete -- "${words[@]:1}" "$cur" 2>/dev/null)
}
complete -F _muster muster
)";

constexpr char kZsh[] = R"(#compdef muster
# Completion of muster for zsh; made by `muster completion zsh`.
_muster() {
  local -a candidates
  candidates=("${(@f)$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  candidates=("${(@)candidates:#}")
  if [[ "${candidates[1]}" == ":files" ]]; then
    _files
  elif (( ${#candidates} )); then
    compadd -- "${candidates[@]}"
  fi
}
compdef _muster muster
)";

std::optional<std::string>* valueOf(Flags& flags, const std::string& option) {
  if (option == "--config") return &flags.config;
  if (option == "--profile") return &flags.profile;
  if (option == "--cluster") return &flags.cluster;
  if (option == "--as") return &flags.as;
  if (option == "--jid") return &flags.jid;
  if (option == "--password-file") return &flags.password_file;
  if (option == "--host") return &flags.host;
  if (option == "--ca-file") return &flags.ca_file;
  if (option == "--coordinator") return &flags.coordinator;
  return nullptr;
}

// The words so far, understood as far as they are right.
class Typed {
 public:
  Typed(const Catalogues& catalogues, const std::vector<std::string>& before)
      : catalogues_(catalogues) {
    for (const std::string& word : before) take(word);
  }

  std::vector<std::string> candidates(const std::string& current, const NamesOf& names) {
    settleVerb();
    if (pending_) return valuesOf(*pending_, "", names);
    if (current.starts_with("-")) return options(current, names);
    if (verb_name_.empty()) return verbNames();
    if (!verb_ || verb_->words.empty()) return {};
    if (count_ < verb_->words.size()) return valuesOf(verb_->words[count_], "", names);
    return {};
  }

 private:
  void take(const std::string& word) {
    if (pending_) {
      keep(*pending_, word);
      pending_.reset();
    } else if (word.size() > 1 && word[0] == '-') {
      const size_t equals = word.find('=');
      const OptionDoc* option = find(word.substr(0, equals));
      if (option == nullptr || option->placeholder.empty()) return;
      if (equals == std::string::npos) {
        pending_ = *option;
      } else {
        keep(*option, word.substr(equals + 1));
      }
    } else if (verb_name_.empty()) {
      verb_name_ = word;
      settleVerb();
    } else {
      ++count_;
    }
  }

  void keep(const OptionDoc& option, const std::string& value) {
    if (auto* to = valueOf(flags_, option.name)) *to = value;
    if (option.name == "--at") flags_.at = value;
    if (option.name == "--port") flags_.port = std::atoi(value.c_str());
  }

  // Whose command it is may be said before the verb or after it.
  void settleVerb() {
    if (verb_name_.empty()) return;
    const bool at_node = !flags_.at.empty() && flags_.at.find('@') == std::string::npos;
    const catalogue::Command* of_node = catalogues_.node.find(verb_name_);
    const catalogue::Command* of_cluster = catalogues_.cluster.find(verb_name_);
    if (of_node != nullptr && (at_node || of_cluster == nullptr)) {
      verb_ = verbDoc(*of_node, true);
    } else if (of_cluster != nullptr) {
      verb_ = verbDoc(*of_cluster, false);
    } else {
      for (const VerbDoc& local : localVerbs()) {
        if (local.name == verb_name_) verb_ = local;
      }
    }
  }

  const OptionDoc* find(const std::string& name) const {
    if (verb_) {
      for (const OptionDoc& option : verb_->options) {
        if (option.name == name) return &option;
      }
    }
    for (const OptionDoc& option : globalOptions()) {
      if (option.name == name || (!name.empty() && option.short_name == name)) return &option;
    }
    return nullptr;
  }

  std::vector<std::string> options(const std::string& current, const NamesOf& names) const {
    if (const size_t equals = current.find('='); equals != std::string::npos) {
      const OptionDoc* option = find(current.substr(0, equals));
      if (option == nullptr || option->placeholder.empty()) return {};
      return valuesOf(*option, current.substr(0, equals + 1), names);
    }
    std::vector<std::string> out;
    if (verb_) {
      for (const OptionDoc& option : verb_->options) out.push_back(option.name);
    }
    for (const OptionDoc& option : globalOptions()) out.push_back(option.name);
    out.emplace_back("--help");
    return out;
  }

  std::vector<std::string> valuesOf(const OptionDoc& option, const std::string& prefix,
                                    const NamesOf& names) const {
    std::vector<std::string> out = option.values;
    if (option.names == "files") return {kFiles};
    if (option.names == "verbs") {
      out = verbNames();
    } else if (out.empty() && !option.names.empty()) {
      out = names(flags_, option.names);
    }
    for (std::string& value : out) value.insert(0, prefix);
    return out;
  }

  std::vector<std::string> verbNames() const {
    std::vector<std::string> out = catalogues_.verbs();
    for (const VerbDoc& verb : localVerbs()) out.push_back(verb.name);
    return out;
  }

  const Catalogues& catalogues_;
  Flags flags_;
  std::string verb_name_;
  std::optional<VerbDoc> verb_;
  size_t count_ = 0;                  // words after the verb
  std::optional<OptionDoc> pending_;  // whose value comes next
};

std::vector<std::string> askNames(const Catalogues& catalogues, const Flags& flags,
                                  const std::string& kind) {
  const bool nodes = kind == "nodes" || kind == "targets";
  const bool groups = kind == "groups" || kind == "targets";
  std::vector<std::string> out;
  if (!nodes && !groups) return out;
  const auto settings = resolve(flags, Environment::ofProcess());
  if (!settings || settings->login.isEmpty()) return out;
  auto login = loginFrom(*settings);
  if (!login) return out;
  Client client(std::move(login).value());
  client.setDeadline(kNamesTimeout);
  if (groups) {
    const auto reply =
        callCluster<v1::StatusReply>(client, catalogues.cluster, "Status", v1::StatusRequest());
    if (!reply) return out;
    for (const v1::GroupStatus& group : reply->groups()) out.push_back(group.name());
  }
  if (nodes) {
    const auto reply =
        callCluster<v1::NodesReply>(client, catalogues.cluster, "Nodes", v1::NodesRequest());
    if (!reply) return out;
    for (const v1::NodeState& node : reply->nodes()) out.push_back(node.name());
  }
  if (kind == "targets") out.emplace_back("all");
  return out;
}

}  // namespace

std::vector<std::string> completions(const Catalogues& catalogues,
                                     const std::vector<std::string>& before,
                                     const std::string& current, const NamesOf& names) {
  std::vector<std::string> out = Typed(catalogues, before).candidates(current, names);
  std::erase_if(
      out, [&](const std::string& word) { return word != kFiles && !word.starts_with(current); });
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Result<std::string> completionScript(const std::string& shell) {
  if (shell == "bash") return std::string(kBash);
  if (shell == "zsh") return std::string(kZsh);
  return Status(Code::kInvalidArgument,
                "there is no completion for '" + shell + "'" + suggestion(shell, {"bash", "zsh"}));
}

Exit runComplete(const Catalogues& catalogues, std::vector<std::string> words) {
  std::string current;
  if (!words.empty()) {
    current = std::move(words.back());
    words.pop_back();
  }
  const auto names = [&](const Flags& flags, const std::string& kind) {
    return askNames(catalogues, flags, kind);
  };
  for (const std::string& word : completions(catalogues, words, current, names)) {
    std::cout << word << "\n";
  }
  return Exit::kDone;
}

}  // namespace muster::cli
