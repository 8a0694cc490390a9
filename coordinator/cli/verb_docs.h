// All that can be said on the command line, as data: --help, man pages and completion are made from
// it. What the catalogue has is taken from there. Pure.
#pragma once

#include <string>
#include <vector>

#include "coordinator/cli/verbs.h"
#include "libcontrol/catalogue/catalogue.h"

namespace muster::cli {

struct OptionDoc {
  std::string name;         // "--at"; of a word that goes by its place: "NODE"
  std::string short_name;   // "-o", or empty
  std::string placeholder;  // of its value; empty: a switch
  std::string help;
  std::vector<std::string> values;  // that can be given, if they are known
  std::string names;                // a kind of names of the cluster ("nodes"), or "files"
};

struct VerbDoc {
  std::string name;
  std::string title;              // one line, no full stop
  std::string usage;              // without "muster "
  std::vector<std::string> text;  // paragraphs
  std::vector<OptionDoc> words;   // by their places
  std::vector<OptionDoc> options;
  std::vector<std::string> examples;  // whole lines
};

const std::vector<OptionDoc>& globalOptions();
// up, down, exec, watch, ...: what is no command of the catalogue.
const std::vector<VerbDoc>& localVerbs();
const VerbDoc& localVerb(const std::string& name);
// A command of the catalogue; `at_node`: the one that a node takes.
VerbDoc verbDoc(const catalogue::Command& command, bool at_node);
// Every verb once, commands first. A verb of both catalogues is the coordinator's.
std::vector<VerbDoc> allVerbs(const Catalogues& catalogues);

}  // namespace muster::cli
