// What an ad-hoc command says (XEP-0050) and the forms it carries (XEP-0004), as plain values.
// Reading them from XML and writing them is the xmpp layer's; what they mean is the catalogue's.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace muster::adhoc {

// XEP-0050, section 3.4. A request without an action means kExecute.
enum class Action { kExecute, kNext, kPrev, kComplete, kCancel };
// XEP-0050, section 2.
enum class CommandStatus { kExecuting, kCompleted, kCanceled };

// XEP-0004, section 3.3: the ten standard types.
enum class FieldType {
  kBoolean,
  kFixed,
  kHidden,
  kJidMulti,
  kJidSingle,
  kListMulti,
  kListSingle,
  kTextMulti,
  kTextPrivate,
  kTextSingle,
};

struct Option {
  std::string label;  // never empty in what we send: some clients show nothing else
  std::string value;
  bool operator==(const Option&) const = default;
};

struct Field {
  std::string var;
  // Not set in a submitted form whose fields bear no type; all values are kept whatever the type.
  std::optional<FieldType> type;
  std::string label;
  std::string desc;
  bool required = false;
  // text-multi and the multi types: one a line or choice. "Not there" (no <value/>) is empty.
  std::vector<std::string> values;
  std::vector<Option> options;
  bool operator==(const Field&) const = default;
};

enum class FormType { kForm, kSubmit, kCancel, kResult };

struct Form {
  FormType type = FormType::kForm;
  std::string title;
  std::string instructions;
  std::vector<Field> fields;
  // A table: the columns, and rows whose cells stand in the order of the columns (section 3.4).
  std::vector<Field> reported;
  std::vector<std::vector<Field>> items;

  const Field* find(const std::string& var) const {
    for (const Field& field : fields) {
      if (field.var == var) return &field;
    }
    return nullptr;
  }
  bool operator==(const Form&) const = default;
};

enum class NoteType { kInfo, kWarn, kError };
struct Note {
  NoteType type = NoteType::kInfo;
  std::string text;
  bool operator==(const Note&) const = default;
};

// The <actions/> of a stage: `execute` is what a bare "go on" means and is one of the allowed ones.
struct Actions {
  Action execute = Action::kComplete;
  bool prev = false;
  bool next = false;
  bool complete = true;
  bool operator==(const Actions&) const = default;
};

// One <command/> as it comes in or goes out.
struct Command {
  std::string node;
  std::string session_id;
  std::optional<Action> action;         // requests
  std::optional<CommandStatus> status;  // responses
  std::optional<Actions> actions;       // responses that go on
  std::vector<Note> notes;
  std::optional<Form> form;

  // Ours, for programs (docs/protocol.md): the requester asks for the reply as a message instead
  // of the form (<want xmlns='urn:muster:reply:1'/>), and the completed response carries it
  // (<reply xmlns='urn:muster:reply:1' type='muster.v1.StatusReply'>base64</reply>).
  bool wants_reply = false;
  std::string reply_type;
  std::string reply_bytes;
  // A reply that is too long for one stanza comes in parts, of which all but the last are stages
  // that go on with `next` (<reply part='1' parts='3'/>). 0: it is whole.
  size_t reply_part = 0;
  size_t reply_parts = 0;
};

// The general conditions of RFC 6120, section 8.3.3, that a command can be answered with.
enum class ErrorCondition {
  kBadRequest,
  kConflict,
  kFeatureNotImplemented,
  kForbidden,
  kItemNotFound,
  kNotAllowed,
  kNotAcceptable,
  kResourceConstraint,
  kServiceUnavailable,
  kInternalServerError,
  kRemoteServerTimeout,
};
// The conditions of XEP-0050, section 3.5, beside them.
enum class CommandCondition {
  kNone,
  kMalformedAction,
  kBadAction,
  kBadLocale,
  kBadPayload,
  kBadSessionId,
  kSessionExpired,
};

struct Error {
  ErrorCondition condition = ErrorCondition::kBadRequest;
  CommandCondition command_condition = CommandCondition::kNone;
  std::string text;
  // Echoed in <command node sessionid/> beside the error on a later stage.
  std::string node;
  std::string session_id;
};

}  // namespace muster::adhoc
