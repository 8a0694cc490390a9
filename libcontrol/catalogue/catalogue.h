// Commands as they describe themselves: read once, at start, from the descriptors of protobuf
// services with the options of proto/muster/options.proto. Every face is made from what stands
// here.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/base/status.h"
#include "muster/options.pb.h"

namespace muster::catalogue {

using v1::Role;

// Whether whoever has one role may do what needs the other. The coordinator's own role reaches
// nothing, and ROLE_UNSPECIFIED is reached by every role that may call commands.
bool reaches(Role has, Role needs);
// "observer", "operator", "admin", "coordinator"; empty for ROLE_UNSPECIFIED.
const std::string& roleName(Role role);

enum class Type { kString, kBool, kEnum, kInteger, kDouble, kDuration };

// One argument: a field of a request message.
struct Argument {
  const google::protobuf::FieldDescriptor* field = nullptr;
  std::string name;   // in chat, forms and on the command line
  std::string label;  // never empty
  std::string help;
  Type type = Type::kString;
  std::vector<std::string> labels;  // kEnum: the values that can be given, in their order
  int position = 0;                 // 1, 2, ...; 0: only by name
  bool required = false;
  Role role = v1::ROLE_UNSPECIFIED;  // beyond the command's own
  bool has_range = false;            // of a number, in the field's unit
  int64_t min = 0;
  int64_t max = 0;
  size_t max_length = 0;  // bytes; never 0
  std::string choices;    // the kind of names in the Directory; empty: any text
  bool implied_group = false;
  bool hidden = false;
  bool harmless = false;    // kBool: given as yes, the command changes nothing
  bool or_forever = false;  // kDuration: "forever" may be written too, and is stored as 0
  bool rest = false;        // kString: takes all words from its position on

  // "storage|storage.disk" is for nobody; this is "trace|debug|...", "DURATION", "NUMBER",
  // "yes|no", "GROUP" and the like, as usage lines show it.
  std::string placeholder() const;
  // "1s to 30d", "1 to 65535"; empty without bounds.
  std::string range() const;
  // What may be written, for people: "a duration from 1s to 30d", "one of a, b and c".
  std::string expectation() const;
};

// One command: an rpc.
struct Command {
  const google::protobuf::MethodDescriptor* method = nullptr;
  std::string verb;  // also the XEP-0050 node
  std::string title;
  std::string help;
  Role role = v1::ROLE_UNSPECIFIED;
  bool immediate = false;
  bool confirm = false;
  bool changes = false;
  std::vector<std::string> examples;
  std::vector<Argument> arguments;  // in the order of the fields

  const Argument* find(std::string_view name) const;
  // Those with a position, in its order.
  std::vector<const Argument*> positionals() const;
  std::vector<std::string> argumentNames(Role role) const;  // without hidden ones

  std::unique_ptr<google::protobuf::Message> newRequest() const;
  std::unique_ptr<google::protobuf::Message> newReply() const;
  // A reply as a program got it: kDataLoss if the type isn't this command's or it can't be read.
  Result<std::unique_ptr<google::protobuf::Message>> parseReply(std::string_view type,
                                                                std::string_view bytes) const;
};

// The commands of one place: a node, the coordinator. Immutable once built; any thread may read.
class Catalogue {
 public:
  // The commands of these services, in the order given. kInternal names the first mistake in a
  // definition: a verb that is missing, malformed or there twice, positions with gaps, a request
  // field that is not an optional scalar, a reply that cannot be shown.
  static Result<Catalogue> build(
      const std::vector<const google::protobuf::ServiceDescriptor*>& services);

  const std::vector<Command>& commands() const { return commands_; }
  // By verb in any case of its letters, since phones capitalise; null if there is none.
  const Command* find(std::string_view verb) const;
  const Command* findMethod(std::string_view rpc_name) const;
  // What this role may call.
  std::vector<const Command*> visible(Role role) const;
  std::vector<std::string> verbs(Role role) const;

 private:
  std::vector<Command> commands_;
};

// The label of an enum's value, empty if it has none.
std::string enumLabel(const google::protobuf::EnumValueDescriptor& value);
// The labels of those values that have one, in their order.
std::vector<std::string> enumLabels(const google::protobuf::EnumDescriptor& type);
// The label of a field: its option, or its name with a capital and spaces.
std::string fieldLabel(const google::protobuf::FieldDescriptor& field);
bool isHidden(const google::protobuf::FieldDescriptor& field);
// Of a list in a reply: with nothing in it, people aren't shown it.
bool isOmittedEmpty(const google::protobuf::FieldDescriptor& field);
// Sentences one below the other, not words in a row.
bool isLines(const google::protobuf::FieldDescriptor& field);
bool isDuration(const google::protobuf::FieldDescriptor& field);
// How a duration without an end is written.
inline constexpr char kForeverWord[] = "forever";

}  // namespace muster::catalogue
