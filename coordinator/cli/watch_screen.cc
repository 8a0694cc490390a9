#include "coordinator/cli/watch_screen.h"

#include <curses.h>
#include <langinfo.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "coordinator/cli/terminal.h"

// Macros of curses that are names elsewhere.
#undef timeout
#undef lines
#undef columns

namespace muster::cli {
namespace {

// How long after an Escape the rest of a key's sequence may come; over a slow link it still does.
constexpr int kEscapeDelayMs = 100;

enum Pair : short { kGreen = 1, kYellow, kRed };

int attributesOf(Style style, bool colour) {
  const auto pair = [colour](Pair which) { return colour ? COLOR_PAIR(which) : 0; };
  switch (style) {
    case Style::kPlain:
      return A_NORMAL;
    case Style::kHead:
      return A_BOLD;
    case Style::kGood:
      return static_cast<int>(pair(kGreen));
    case Style::kWarn:
      return static_cast<int>(pair(kYellow) | A_BOLD);
    case Style::kBad:
      return static_cast<int>(pair(kRed) | A_BOLD);
    case Style::kDim:
      return A_DIM;
    case Style::kSelected:
      return A_REVERSE;
  }
  return A_NORMAL;
}

// What a terminal without UTF-8 can show.
std::string asciiOnly(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else if (byte >= 0xC0) {
      out += '?';
    }
  }
  return out;
}

WatchScreen::Input inputOf(int key) {
  const auto press = [](WatchKey which) { return WatchScreen::Input{false, false, which}; };
  switch (key) {
    case 'q':
    case 'Q':
      return {true, false, {}};
    case 'r':
      return {false, true, {}};
    case '?':
    case 'h':
      return press(WatchKey::kHelp);
    case KEY_UP:
    case 'k':
      return press(WatchKey::kUp);
    case KEY_DOWN:
    case 'j':
      return press(WatchKey::kDown);
    case KEY_PPAGE:
      return press(WatchKey::kPageUp);
    case KEY_NPAGE:
    case ' ':
      return press(WatchKey::kPageDown);
    case KEY_HOME:
    case 'g':
      return press(WatchKey::kHome);
    case KEY_END:
    case 'G':
      return press(WatchKey::kEnd);
    case '\n':
    case '\r':
    case KEY_ENTER:
    case KEY_RIGHT:
      return press(WatchKey::kOpen);
    case 27:
    case KEY_LEFT:
    case KEY_BACKSPACE:
    case 127:
      return press(WatchKey::kBack);
    case 's':
      return press(WatchKey::kSort);
    case 'S':
      return press(WatchKey::kReverse);
    default:
      return {};
  }
}

}  // namespace

struct WatchScreen::State {
  SCREEN* screen = nullptr;
  bool colour = false;
  bool utf8 = false;
};

Status WatchScreen::check() {
  if (!isInteractive()) {
    return {Code::kInvalidArgument,
            "watch needs a terminal for input and output; 'muster status' and 'muster nodes' print "
            "once"};
  }
  const char* term = std::getenv("TERM");
  const std::string name = term == nullptr ? "" : term;
  int error = 0;
  const bool known = !name.empty() && setupterm(name.c_str(), STDOUT_FILENO, &error) == OK;
  // del_curterm() below needs what setupterm() made.
  char cup[] = "cup";
  const char* place = known ? tigetstr(cup) : nullptr;
  const bool can = place != nullptr && place != reinterpret_cast<const char*>(-1);
  if (known) del_curterm(cur_term);
  if (can) return Status::ok();
  return {Code::kInvalidArgument,
          "this terminal (TERM=" + name +
              ") can't place its cursor; 'muster status' and 'muster nodes' print once"};
}

Result<std::unique_ptr<WatchScreen>> WatchScreen::open() {
  if (Status can = check(); !can) return can;
  auto state = std::make_unique<State>();
  state->screen = newterm(nullptr, stdout, stdin);
  if (state->screen == nullptr) {
    return Status(Code::kInvalidArgument, "ncurses can't use this terminal");
  }
  set_term(state->screen);
  set_escdelay(kEscapeDelayMs);
  cbreak();
  noecho();
  nonl();
  keypad(stdscr, TRUE);
  nodelay(stdscr, TRUE);
  curs_set(0);
  state->utf8 = std::string(nl_langinfo(CODESET)) == "UTF-8";
  state->colour = mayUseColour() && has_colors() && start_color() == OK;
  if (state->colour) {
    use_default_colors();
    init_pair(kGreen, COLOR_GREEN, -1);
    init_pair(kYellow, COLOR_YELLOW, -1);
    init_pair(kRed, COLOR_RED, -1);
  }
  return std::unique_ptr<WatchScreen>(new WatchScreen(std::move(state)));
}

WatchScreen::WatchScreen(std::unique_ptr<State> state) : state_(std::move(state)) {}

WatchScreen::~WatchScreen() {
  endwin();
  delscreen(state_->screen);
}

ScreenSize WatchScreen::size() const {
  return {static_cast<size_t>(getmaxy(stdscr)), static_cast<size_t>(getmaxx(stdscr))};
}

void WatchScreen::takeNewSize() {
  winsize now{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &now) != 0 || now.ws_row == 0 || now.ws_col == 0) return;
  resizeterm(now.ws_row, now.ws_col);
  clearok(stdscr, TRUE);
}

void WatchScreen::paint(const std::vector<Line>& page) {
  erase();
  for (size_t row = 0; row < page.size(); ++row) {
    move(static_cast<int>(row), 0);
    for (const Span& span : page[row]) {
      attrset(attributesOf(span.style, state_->colour));
      addstr(state_->utf8 ? span.text.c_str() : asciiOnly(span.text).c_str());
    }
  }
  attrset(A_NORMAL);
  refresh();
}

Result<std::optional<WatchScreen::Input>> WatchScreen::read() {
  const int key = getch();
  if (key != ERR) return std::optional<Input>(inputOf(key));
  pollfd input{STDIN_FILENO, POLLIN, 0};
  const bool gone = poll(&input, 1, 0) > 0 && (input.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
  if (gone) return Status(Code::kUnavailable, "the terminal is gone");
  return std::optional<Input>();
}

}  // namespace muster::cli
