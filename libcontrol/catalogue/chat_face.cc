#include "libcontrol/catalogue/chat_face.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "libcontrol/base/ids.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/text.h"

namespace muster::catalogue {
namespace {

ChatAnswer say(const std::string& text) {
  return {false, {cleanText(text, std::string::npos)}};
}

std::string trimmed(const std::string& line) {
  const size_t begin = line.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return {};
  return line.substr(begin, line.find_last_not_of(" \t\r\n") - begin + 1);
}

bool isCode(const std::string& line) {
  return !line.empty() &&
         std::all_of(line.begin(), line.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string newCode(Random& random) {
  char code[8];
  snprintf(code, sizeof code, "%06u", static_cast<unsigned>(random.below(1'000'000)));
  return code;
}

// Room for the footer.
constexpr size_t kMaxPageText = limits::kMaxChatPageBytes - 80;

std::string footer(size_t number, size_t count, const std::string& prefix) {
  std::string text = "\n(page " + std::to_string(number) + " of " + std::to_string(count);
  if (number < count) text += "; send '" + prefix + "more' for the next";
  return text + ")";
}

// Keeps back what goes beyond one page.
ChatAnswer firstPage(ChatAnswer answer, HeldPages& held, const HeldPages::Key& key,
                     const std::string& prefix, ElapsedTime now) {
  if (answer.pages.empty() || answer.pages[0].size() <= limits::kMaxChatPageBytes) return answer;
  const auto pages = splitPages(answer.pages[0], kMaxPageText);
  held.hold(key, pages, now);
  if (!held.has(key, now)) {
    return say("the answer has " + std::to_string(answer.pages[0].size()) +
               " bytes, too many to show; ask for less of it");
  }
  return {false, {pages[0] + footer(1, pages.size(), prefix)}};
}

ChatAnswer nextPage(HeldPages& held, const HeldPages::Key& key, const std::string& prefix,
                    ElapsedTime now) {
  const auto page = held.next(key, now);
  if (!page) return say("there is nothing more to show");
  return {false, {page->text + footer(page->number, page->count, prefix)}};
}

ChatAnswer answerOf(const CallOutcome& outcome) {
  if (outcome.status.code() == Code::kStranger) return {true, {}};
  std::string text;
  if (outcome.status.isOk()) {
    text = replyText(*outcome.reply);
    if (text.empty() && outcome.note.empty()) text = "Done.";
  } else {
    text = errorText(outcome.status, outcome.errors);
  }
  if (!outcome.note.empty()) text += (text.empty() ? "" : "\n") + outcome.note;
  return say(text);
}

std::string lineOf(const Dispatcher::Prepared& prepared) {
  const std::string arguments = argumentLine(*prepared.command, *prepared.bound.request);
  return prepared.command->verb + (arguments.empty() ? "" : " " + arguments);
}

}  // namespace

ChatFace::ChatFace(Dispatcher& dispatcher, Random& random)
    : dispatcher_(dispatcher), random_(random) {}

void ChatFace::handle(const Jid& from, const At& at, const std::string& line, ElapsedTime now,
                      WallTime wall, Done done) {
  const auto role = dispatcher_.roleOf(from);
  if (!role || *role == v1::ROLE_COORDINATOR) return done({true, {}});
  const Key key{from.toString(), at.place};
  done = [held = held_, key, prefix = at.prefix, now, done = std::move(done)](ChatAnswer answer) {
    done(firstPage(std::move(answer), *held, key, prefix, now));
  };
  if (const std::string text = trimmed(line); isCode(text)) {
    return confirm(key, text, now, wall, done);
  }
  auto parsed = parseChatLine(line);
  if (!parsed) return done(say(parsed.status().text()));
  if (parsed->verb.empty() || parsed->verb == "help" || parsed->verb == "?") {
    return help(dispatcher_.scopeFor(*role, at.group), parsed->arguments, done);
  }
  if (parsed->verb == "more" && dispatcher_.catalogue().find("more") == nullptr) {
    return done(nextPage(*held_, key, at.prefix, now));
  }
  CallRequest request;
  request.caller = from;
  request.face = Face::kChat;
  request.place = at.place;
  request.group = at.group;
  request.verb = parsed->verb;
  request.arguments = std::move(parsed->arguments);
  request.default_key = Id128::make(random_).toHex();
  command(std::move(request), at.prefix, now, wall, done);
}

void ChatFace::help(const Scope& scope, const RawArguments& arguments, const Done& done) const {
  const Catalogue& catalogue = dispatcher_.catalogue();
  if (arguments.positionals.empty()) return done(say(helpText(catalogue, scope)));
  const std::string& verb = arguments.positionals.front();
  const Command* command = catalogue.find(verb);
  if (command == nullptr || !reaches(scope.role, command->role)) {
    return done(say("there is no command '" + singleLine(verb, limits::kMaxNameBytes) + "'" +
                    suggestion(verb, catalogue.verbs(scope.role))));
  }
  done(say(helpText(*command, scope, Grammar::kChat)));
}

void ChatFace::command(CallRequest request, const std::string& prefix, ElapsedTime now,
                       WallTime wall, const Done& done) {
  auto prepared = dispatcher_.prepare(request, now, wall);
  if (!prepared.mayGoOn()) {
    ChatAnswer answer = answerOf(prepared.refusal);
    if (answer.pages.empty()) return done(std::move(answer));
    const bool known = prepared.command != nullptr;
    answer.pages.back() += known ? "\n'help " + prepared.command->verb + "' says how it is written."
                                 : "\n'help' lists the commands.";
    return done(std::move(answer));
  }
  if (prepared.asksBack()) return done(askBack(prepared, request, prefix, now, wall));
  run(std::move(prepared), request, now, wall, done);
}

ChatAnswer ChatFace::askBack(const Dispatcher::Prepared& prepared, const CallRequest& request,
                             const std::string& prefix, ElapsedTime now, WallTime wall) {
  std::erase_if(pending_, [now](const auto& entry) { return entry.second.expires <= now; });
  const Key key{request.caller.toString(), request.place};
  if (pending_.size() >= limits::kMaxConfirms && pending_.count(key) == 0) {
    return say("too many commands await their codes; try again in a minute");
  }
  Pending pending;
  pending.code = newCode(random_);
  pending.request = request;
  pending.bound = prepared.bound.request->SerializeAsString();
  pending.expires = now + limits::kConfirmLife;
  std::string text = "This would carry out: " + lineOf(prepared);
  if (!request.group.empty()) text += "\nGroup: " + request.group;
  const std::string preview = dispatcher_.preview(prepared, request, now, wall);
  text += "\n" + (preview.empty() ? prepared.command->help : preview);
  text += prefix.empty() ? "\nSend the code " + pending.code + " alone"
                         : "\nSend '" + prefix + pending.code + "'";
  text += " within " + formatDuration(limits::kConfirmLife) + " to go ahead.";
  pending_[key] = std::move(pending);
  return say(text);
}

void ChatFace::confirm(const Key& key, const std::string& code, ElapsedTime now, WallTime wall,
                       const Done& done) {
  const auto found = pending_.find(key);
  if (found == pending_.end()) return done(say("no command awaits a code; nothing was done"));
  if (found->second.expires <= now) {
    pending_.erase(found);
    return done(say("the code has expired; nothing was done. Send the command again."));
  }
  if (code != found->second.code) {
    const int left = limits::kMaxConfirmTries - ++found->second.wrong;
    if (left > 0) {
      return done(say("that is not the code; nothing was done. " + std::to_string(left) +
                      (left == 1 ? " try is left." : " tries are left.")));
    }
    pending_.erase(found);
    return done(
        say("that is not the code either, so it is void; nothing was done. Send the "
            "command again."));
  }
  const Pending pending = std::move(found->second);
  pending_.erase(found);
  // Roles and names may have changed since.
  auto prepared = dispatcher_.prepare(pending.request, now, wall);
  if (!prepared.mayGoOn()) return done(answerOf(prepared.refusal));
  if (prepared.bound.request->SerializeAsString() != pending.bound) {
    return done(say("what the command means has changed since; nothing was done. Send it again."));
  }
  run(std::move(prepared), pending.request, now, wall, done);
}

void ChatFace::run(Dispatcher::Prepared prepared, const CallRequest& request, ElapsedTime now,
                   WallTime wall, const Done& done) {
  dispatcher_.run(std::move(prepared), request, now, wall,
                  [done](const CallOutcome& outcome) { done(answerOf(outcome)); });
}

std::vector<std::string> splitPages(const std::string& text, size_t max_bytes) {
  std::vector<std::string> pages;
  size_t begin = 0;
  while (text.size() - begin > max_bytes) {
    size_t end = text.rfind('\n', begin + max_bytes);
    size_t next = end + 1;
    if (end == std::string::npos || end <= begin) {
      end = begin + max_bytes;
      // Not within a character.
      while (end > begin + 1 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
      next = end;
    }
    pages.push_back(text.substr(begin, end - begin));
    begin = next;
  }
  if (begin < text.size() || pages.empty()) pages.push_back(text.substr(begin));
  return pages;
}

}  // namespace muster::catalogue
