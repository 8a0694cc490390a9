#include "libcontrol/catalogue/ports.h"

#include <strings.h>

namespace muster::catalogue {

std::optional<std::string> Directory::normalise(const std::string& kind,
                                                std::string_view typed) const {
  const std::string wanted(typed);
  std::optional<std::string> same_but_case;
  bool several = false;
  for (const std::string& name : names(kind)) {
    if (name == wanted) return name;
    if (strcasecmp(name.c_str(), wanted.c_str()) != 0) continue;
    several = same_but_case.has_value();
    same_but_case = name;
  }
  if (several) return std::nullopt;
  return same_but_case;
}

const char* faceName(Face face) {
  switch (face) {
    case Face::kForm:
      return "form";
    case Face::kChat:
      return "chat";
    case Face::kProgram:
      return "program";
    case Face::kCoordinator:
      return "coordinator";
  }
  return "form";
}

const char* stageName(AuditEntry::Stage stage) {
  switch (stage) {
    case AuditEntry::Stage::kBegun:
      return "begun";
    case AuditEntry::Stage::kDone:
      return "done";
    case AuditEntry::Stage::kRefused:
      return "refused";
  }
  return "done";
}

}  // namespace muster::catalogue
