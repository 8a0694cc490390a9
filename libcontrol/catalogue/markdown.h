// The generated reference docs/commands.md.
#pragma once

#include <string>
#include <vector>

#include "libcontrol/catalogue/catalogue.h"

namespace muster::catalogue {

// The commands that live at one kind of place.
struct DocSection {
  std::string title;  // "Commands of the coordinator"
  std::string intro;  // where to send them; Markdown
  const Catalogue* catalogue = nullptr;
};

// The whole document, ending in a line feed. The same input gives the same bytes.
std::string commandsMarkdown(const std::vector<DocSection>& sections);
// docs/commands.md of Muster itself: the cluster's commands and every node's.
Result<std::string> musterCommandsMarkdown();

}  // namespace muster::catalogue
