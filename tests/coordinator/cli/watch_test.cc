// What `muster watch` shows, for any state of the cluster and any size of the screen.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "coordinator/cli/watch_model.h"
#include "coordinator/cli/watch_view.h"
#include "libcontrol/base/text.h"

namespace muster::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr WallTime kNow{1'767'225'600'000};  // 2026-01-01T00:00:00Z

v1::NodeState node(const std::string& name, v1::NodeRole role, bool present = true,
                   std::optional<double> percent = 100.0) {
  v1::NodeState out;
  out.set_name(name);
  out.set_jid(name + "@nodes.example.org" + (present ? "/node-1" : ""));
  out.set_group("storage");
  out.set_role(role);
  out.set_present(present);
  out.set_since("2025-12-31T23:59:00Z");
  out.set_version("1.0");
  out.mutable_level()->set_state(percent ? v1::LEVEL_STATE_OK : v1::LEVEL_STATE_NO_DATA);
  if (percent) out.mutable_level()->set_percent(*percent);
  out.mutable_level()->set_text("Storage service level: fine");
  return out;
}

v1::NodesReply nodes(const std::vector<v1::NodeState>& states) {
  v1::NodesReply out;
  for (const v1::NodeState& state : states) *out.add_nodes() = state;
  return out;
}

v1::StatusReply status(int groups = 1) {
  v1::StatusReply out;
  for (int i = 0; i < groups; ++i) {
    v1::GroupStatus& group = *out.add_groups();
    group.set_name(i == 0 ? "storage" : "group" + std::to_string(i));
    group.set_active(i == 0 ? "node1" : "");
    group.set_epoch(7);
    group.set_phase(v1::PHASE_ACTIVE);
    group.set_present(2);
    group.set_members(3);
    group.mutable_level()->set_state(v1::LEVEL_STATE_BREACHED);
    group.mutable_level()->set_percent(98.5);
  }
  out.mutable_overall()->set_text("Overall service level: 98.5%");
  return out;
}

WatchModel model(int groups = 1, int node_count = 3) {
  WatchModel out("muster.example.org");
  out.setUp(kNow);
  out.takeStatus(status(groups), kNow);
  std::vector<v1::NodeState> states = {node("node1", v1::NODE_ROLE_ACTIVE),
                                       node("node2", v1::NODE_ROLE_STANDBY, true, std::nullopt),
                                       node("node3", v1::NODE_ROLE_STANDBY, false)};
  for (int i = 4; i <= node_count; ++i) {
    states.push_back(node("node" + std::to_string(i), v1::NODE_ROLE_STANDBY));
  }
  out.takeNodes(nodes(states), kNow);
  return out;
}

std::string text(const WatchModel& model, ScreenSize size) {
  std::string out;
  for (const Line& line : watchLines(model, size, kNow)) out += plainText(line) + "\n";
  return out;
}

std::vector<std::string> names(const WatchModel& model) {
  std::vector<std::string> out;
  for (const auto& each : model.nodes()) out.push_back(each.name());
  return out;
}

TEST(Watch, AnUsualScreen) {
  const std::string page = text(model(), {24, 80});
  EXPECT_THAT(page, HasSubstr("muster.example.org"));
  EXPECT_THAT(page, HasSubstr("storage"));
  EXPECT_THAT(page, HasSubstr("98.5%"));
  EXPECT_THAT(page, HasSubstr("2/3"));
  EXPECT_THAT(page, HasSubstr("active"));
  EXPECT_THAT(page, HasSubstr("no-data"));
  EXPECT_THAT(page, HasSubstr("absent"));
  EXPECT_THAT(page, HasSubstr("60s"));
  EXPECT_THAT(page, HasSubstr("q quit"));
}

TEST(Watch, APhone) {
  const std::string page = text(model(), {20, 40});
  for (const char* word : {"storage", "node1", "98.5%", "node3", "absent", "standby", "no-data"}) {
    EXPECT_THAT(page, HasSubstr(word));
  }
}

TEST(Watch, EverySizeIsKept) {
  for (const int groups : {0, 1, 30}) {
    WatchModel many = model(groups, 40);
    for (size_t rows = 0; rows < 40; ++rows) {
      for (const size_t columns : {0u, 1u, 10u, 39u, 40u, 80u, 200u}) {
        const ScreenSize size{rows, columns};
        const Room room = roomFor(many, size);
        many.setRoom(room.nodes, room.page);
        const auto lines = watchLines(many, size, kNow);
        ASSERT_EQ(lines.size(), rows);
        for (const Line& line : lines) ASSERT_LE(displayWidth(plainText(line)), columns);
      }
    }
  }
}

TEST(Watch, GroupsAndNodesAndEventsShareTheScreen) {
  const WatchModel many = model(30, 40);
  const Room room = roomFor(many, {24, 80});
  EXPECT_GE(room.nodes, 3u);
  EXPECT_GE(room.groups, 3u);
  EXPECT_GE(room.events, 2u);
  EXPECT_THAT(text(many, {24, 80}), HasSubstr("more"));
  // With few of them everything is shown.
  const Room little = roomFor(model(), {24, 80});
  EXPECT_EQ(little.nodes, 3u);
  EXPECT_EQ(little.groups, 1u);
}

TEST(Watch, StatesHaveTheirColours) {
  const WatchModel shown = model();
  const auto styleOf = [&](const std::string& word) {
    for (const Line& line : watchLines(shown, {24, 80}, kNow)) {
      for (const Span& span : line) {
        if (span.text.starts_with(word)) return span.style;
      }
    }
    return Style::kHead;
  };
  EXPECT_EQ(styleOf("98.5%"), Style::kBad);
  EXPECT_EQ(styleOf("absent"), Style::kBad);
  EXPECT_EQ(styleOf("2/3"), Style::kWarn);
}

TEST(Watch, ALostConnectionIsShownAndWhatIsKnownStays) {
  WatchModel lost = model();
  lost.setDown("Connection refused", kNow);
  const std::string page = text(lost, {24, 80});
  EXPECT_THAT(page, HasSubstr("NOT CONNECTED for 0s: Connection refused"));
  EXPECT_THAT(page, HasSubstr("node1"));
  for (const Line& line : watchLines(lost, {24, 80}, kNow)) {
    for (const Span& span : line) EXPECT_NE(span.style, Style::kGood) << span.text;
  }
  // The time of the loss stays while attempts fail.
  lost.setDown("still refused", {kNow.unix_ms + 60'000});
  EXPECT_EQ(lost.since(), "2026-01-01T00:00:00Z");
  EXPECT_EQ(lost.downReason(), "still refused");
  lost.takeStatus(status(), {kNow.unix_ms + 90'000});
  EXPECT_TRUE(lost.isUp());
  EXPECT_THAT(text(lost, {24, 80}), Not(HasSubstr("NOT CONNECTED")));
}

TEST(Watch, ChangesBecomeEvents) {
  WatchModel changing = model();
  EXPECT_TRUE(changing.events().empty());
  changing.takeNodes(
      nodes({node("node1", v1::NODE_ROLE_STANDBY), node("node2", v1::NODE_ROLE_ACTIVE),
             node("node3", v1::NODE_ROLE_STANDBY), node("node4", v1::NODE_ROLE_STANDBY)}),
      kNow);
  std::string events;
  for (const WatchEvent& event : changing.events()) events += event.text + "\n";
  EXPECT_THAT(events, HasSubstr("node1: active -> standby"));
  EXPECT_THAT(events, HasSubstr("node2: standby -> active"));
  EXPECT_THAT(events, HasSubstr("node2: level no-data -> ok"));
  EXPECT_THAT(events, HasSubstr("node3 is there, as standby"));
  EXPECT_THAT(events, HasSubstr("node4 is a new member"));
  changing.takeNodes(nodes({}), kNow);
  EXPECT_THAT(changing.events().front().text, HasSubstr("no member any more"));
}

TEST(Watch, TheHistoryReplacesThem) {
  WatchModel with = model();
  catalogue::ReplyView view;
  view.tables.resize(1);
  view.tables[0].columns = {{"seq", "No."},   {"at", "When"}, {"group", "Group"}, {"what", "What"},
                            {"from", "From"}, {"to", "To"},   {"epoch", "Epoch"}};
  view.tables[0].rows = {{"9", "2025-12-31T23:59:30Z", "storage", "moved", "node2", "node1", "7"}};
  with.takeHistory(view);
  ASSERT_EQ(with.events().size(), 1u);
  EXPECT_EQ(with.events()[0].text, "storage  moved  node2 -> node1  epoch 7");
  with.takeNodes(nodes({}), kNow);
  EXPECT_EQ(with.events().size(), 1u);
  EXPECT_THAT(text(with, {24, 80}), HasSubstr("30s   storage  moved"));
}

TEST(Watch, SortingAndChoosing) {
  WatchModel sorted = model();
  sorted.press(WatchKey::kDown);
  EXPECT_EQ(sorted.nodes()[sorted.selected()].name(), "node2");
  sorted.press(WatchKey::kReverse);
  EXPECT_EQ(names(sorted), (std::vector<std::string>{"node3", "node2", "node1"}));
  EXPECT_EQ(sorted.nodes()[sorted.selected()].name(), "node2") << "the choice goes with the node";
  sorted.press(WatchKey::kReverse);
  sorted.press(WatchKey::kSort);
  EXPECT_EQ(sorted.sort(), NodeSort::kGroup);
  sorted.press(WatchKey::kSort);
  EXPECT_EQ(sorted.sort(), NodeSort::kRole);
  EXPECT_EQ(names(sorted)[0], "node1");
  EXPECT_EQ(names(sorted)[2], "node3");
  sorted.press(WatchKey::kSort);
  EXPECT_EQ(names(sorted)[0], "node2") << "no data is worse than well";
  for (int i = 0; i < 10; ++i) sorted.press(WatchKey::kDown);
  EXPECT_EQ(sorted.selected(), 2u);
  for (int i = 0; i < 10; ++i) sorted.press(WatchKey::kUp);
  EXPECT_EQ(sorted.selected(), 0u);
}

TEST(Watch, TheChosenNodeIsOnTheScreen) {
  WatchModel many = model(1, 60);
  const ScreenSize size{24, 80};
  const Room room = roomFor(many, size);
  many.setRoom(room.nodes, room.page);
  many.press(WatchKey::kEnd);
  const std::string last = many.nodes().back().name();
  EXPECT_THAT(text(many, size), HasSubstr(last));
  many.press(WatchKey::kHome);
  EXPECT_THAT(text(many, size), HasSubstr("node1 "));
}

TEST(Watch, ANodesPage) {
  WatchModel open = model();
  open.press(WatchKey::kOpen);
  EXPECT_EQ(open.openNode(), "node1");
  EXPECT_EQ(open.openJid(), "node1@nodes.example.org/node-1");
  EXPECT_THAT(text(open, {24, 80}), HasSubstr("asking"));
  open.takeDetail("node2", {"of another node"});
  EXPECT_THAT(text(open, {24, 80}), Not(HasSubstr("another")));
  std::vector<std::string> lines;
  for (int i = 0; i < 50; ++i) lines.push_back("line " + std::to_string(i));
  open.takeDetail("node1", lines);
  const Room room = roomFor(open, {24, 80});
  open.setRoom(room.nodes, room.page);
  EXPECT_THAT(text(open, {24, 80}), HasSubstr("line 0\n"));
  open.press(WatchKey::kEnd);
  EXPECT_THAT(text(open, {24, 80}), HasSubstr("line 49\n"));
  open.press(WatchKey::kBack);
  EXPECT_EQ(open.page(), WatchPage::kOverview);
}

TEST(Watch, AnAbsentNodesPageSaysSo) {
  WatchModel open = model();
  open.press(WatchKey::kEnd);
  open.press(WatchKey::kOpen);
  EXPECT_EQ(open.openJid(), "");
  EXPECT_THAT(text(open, {24, 80}), HasSubstr("It is not there."));
}

TEST(Watch, HelpComesAndGoes) {
  WatchModel help = model();
  help.press(WatchKey::kOpen);
  help.press(WatchKey::kHelp);
  EXPECT_THAT(text(help, {24, 80}), HasSubstr("turn their order round"));
  help.press(WatchKey::kBack);
  EXPECT_EQ(help.page(), WatchPage::kNode);
}

TEST(Watch, Ages) {
  EXPECT_EQ(ageText("2026-01-01T00:00:00Z", kNow), "0s");
  EXPECT_EQ(ageText("2025-12-31T23:58:30.250Z", kNow), "90s");
  EXPECT_EQ(ageText("2025-12-31T23:00:00Z", kNow), "60m");
  EXPECT_EQ(ageText("2025-12-31T00:00:00Z", kNow), "24h");
  EXPECT_EQ(ageText("2025-12-01T00:00:00Z", kNow), "31d");
  EXPECT_EQ(ageText("2026-01-01T00:01:00Z", kNow), "0s") << "a clock that is ahead";
  for (const char* wrong : {"", "yesterday", "2025-13-01T00:00:00Z", "2025-01-01T00:00:00"}) {
    EXPECT_EQ(ageText(wrong, kNow), "-");
  }
}

}  // namespace
}  // namespace muster::cli
