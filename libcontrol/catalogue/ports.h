// What the catalogue needs from the daemon around it, as narrow interfaces. Each is called on the
// thread of the dispatcher and must outlive it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/ids.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/status.h"
#include "muster/options.pb.h"

namespace muster::catalogue {

// The names that arguments are taken from. Kinds are those of the option `choices`: "groups",
// "nodes", "loggers", "services", or an application's own.
class Directory {
 public:
  virtual ~Directory() = default;
  virtual std::vector<std::string> names(const std::string& kind) const = 0;
  // Whether a name that isn't listed may be given all the same, the handler being the judge.
  virtual bool isOpen(const std::string& kind) const {
    (void)kind;
    return false;
  }
  // The listed name that was meant: the same, or the only one that differs in case alone.
  virtual std::optional<std::string> normalise(const std::string& kind,
                                               std::string_view typed) const;
};

// Knows no name and takes any: for a program that leaves the judgement to the other side.
class OpenDirectory : public Directory {
 public:
  std::vector<std::string> names(const std::string&) const override { return {}; }
  bool isOpen(const std::string&) const override { return true; }
};

// Who may do what. Exact, normalised bare JIDs; nothing means a stranger.
class Authority {
 public:
  virtual ~Authority() = default;
  virtual std::optional<v1::Role> roleOf(const Jid& bare) const = 0;
};

// Through which face a command came; kCoordinator: by an order of the coordinator, for somebody who
// asked there.
enum class Face { kForm, kChat, kProgram, kCoordinator };
const char* faceName(Face face);  // "form", "chat", "program", "coordinator"

struct AuditEntry {
  // kBegun is durable before the handler runs, so that no change is made without a trace; kDone
  // bears the outcome and is durable before the answer; kRefused: the caller's role did not reach.
  enum class Stage { kBegun, kDone, kRefused };

  Stage stage = Stage::kDone;
  Id128 call;  // the same in the entries of one call
  WallTime when;
  Jid who;  // full
  Face face = Face::kForm;
  std::string place;  // the address that was called
  std::string verb;   // of a refused one as it was typed, cleaned and cut
  std::string
      arguments;  // one line in the chat grammar, without hidden arguments; empty if refused
  Code outcome = Code::kOk;
  std::string text;  // the error's, or the note's
};
const char* stageName(AuditEntry::Stage stage);  // "begun", "done", "refused"

class AuditSink {
 public:
  virtual ~AuditSink() = default;
  // Durable when it returns ok.
  virtual Status record(const AuditEntry& entry) = 0;
};

// A word to a caller after the answer was given: for work that goes on.
class Notify {
 public:
  virtual ~Notify() = default;
  virtual void send(const Jid& to_full, const std::string& text) = 0;
};

}  // namespace muster::catalogue
