#include "coordinator/cli/replay.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "libcontrol/catalogue/json.h"
#include "libcontrol/convert/decision.h"

namespace muster::cli {
namespace {

using testing::HasSubstr;

election::Candidate candidate(const std::string& name, double level) {
  election::Candidate out;
  out.jid = Jid::parse(name + "@example.org").value();
  out.name = name;
  out.instances = out.live = 1;
  out.level_percent = level;
  out.lag = Duration::millis(3);
  out.present_since = ElapsedTime{123'456'789};
  return out;
}

v1::ExplainReply explained() {
  election::ChooseOptions options;
  options.level_floor = 50;
  options.max_lag = Duration::seconds(1);
  election::Candidate drained = candidate("node3", 100);
  drained.drained = true;
  drained.drain_note = "by ann@example.org: disk swap";
  const election::Decision decision = election::choose(
      options, {candidate("node1", 99.91234567890123), candidate("node2", 49.5), drained});
  v1::ExplainReply reply;
  reply.set_group("storage");
  convert::addCandidates(decision, *reply.mutable_candidates());
  *reply.mutable_inputs() = convert::toProto(decision);
  return reply;
}

class ReplayTest : public testing::Test {
 protected:
  ~ReplayTest() override { std::filesystem::remove(file_); }
  Exit replayed(const std::string& text) {
    std::ofstream(file_) << text;
    testing::internal::CaptureStdout();
    const Exit exit = replay(false, file_);
    printed_ = testing::internal::GetCapturedStdout();
    return exit;
  }
  const std::string file_ =
      std::filesystem::temp_directory_path() / ("replay_" + std::to_string(getpid()) + ".json");
  std::string printed_;
};

TEST_F(ReplayTest, TheSameComesOfTheSame) {
  EXPECT_EQ(replayed(catalogue::jsonText(explained())), Exit::kDone);
  EXPECT_THAT(printed_, HasSubstr("The same choice as was saved."));
  EXPECT_THAT(printed_, HasSubstr("drained by ann@example.org: disk swap"));
  EXPECT_THAT(printed_, HasSubstr("level 49.5% is under the floor of 50%"));
}

TEST_F(ReplayTest, WhatIsDifferentIsNamed) {
  v1::ExplainReply reply = explained();
  reply.mutable_inputs()->set_level_floor(40);
  EXPECT_EQ(replayed(catalogue::jsonText(reply)), Exit::kFailed);
  EXPECT_THAT(printed_, HasSubstr("Not the choice that was saved: node2 was not eligible."));
}

TEST_F(ReplayTest, WhatIsNoSuchFileIsRefusedWithThePlace) {
  const auto refusal = [](const std::string& text) { return readExplanation(text).status(); };
  EXPECT_THAT(refusal("nonsense").text(), HasSubstr("muster explain GROUP -o json"));
  EXPECT_EQ(refusal("{}").field(), "inputs");
  EXPECT_EQ(refusal(R"({"inputs": 3})").field(), "inputs");
  EXPECT_EQ(refusal(R"({"inputs": {"level_floor": "x"}})").field(), "inputs.level_floor");
  EXPECT_EQ(refusal(R"({"inputs": {"level_floor": 1, "candidates": [{}]}})").field(),
            "inputs.candidates[0].jid");
  v1::ExplainReply reply = explained();
  reply.mutable_inputs()->mutable_candidates(1)->set_live(7);
  EXPECT_EQ(convert::decide(reply.inputs()).status().field(), "candidates[1].live");
  reply = explained();
  reply.mutable_inputs()->set_level_floor(101);
  EXPECT_EQ(convert::decide(reply.inputs()).status().field(), "level_floor");
}

}  // namespace
}  // namespace muster::cli
