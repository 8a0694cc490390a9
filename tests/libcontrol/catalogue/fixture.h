// A coordinator's and a node's commands with ports of paper around them.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "libcontrol/catalogue/catalogue.h"
#include "libcontrol/catalogue/dispatcher.h"
#include "libcontrol/catalogue/ports.h"
#include "muster/cluster.pb.h"
#include "muster/node.pb.h"
#include "tests/support/other_handlers.h"
#include "types.pb.h"

namespace muster::catalogue {

inline const google::protobuf::ServiceDescriptor* service(const std::string& name) {
  return google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
}
inline Catalogue build(const std::string& name) {
  auto catalogue = Catalogue::build({service(name)});
  EXPECT_TRUE(catalogue.isOk()) << catalogue.status().text();
  return std::move(catalogue).value();
}
// A verb that nodes and the coordinator both have is the node's.
class AllCommands {
 public:
  const Command* find(std::string_view verb) const {
    for (const Catalogue* catalogue : {&node, &cluster, &types}) {
      if (const Command* command = catalogue->find(verb)) return command;
    }
    return nullptr;
  }

  Catalogue node = build("muster.v1.NodeCommands");
  Catalogue cluster = build("muster.v1.ClusterCommands");
  Catalogue types = build("muster.test.TypeCommands");
};

inline Jid jid(const std::string& text) {
  return Jid::parse(text).value();
}

class PaperDirectory : public Directory {
 public:
  std::map<std::string, std::vector<std::string>> lists = {
      {"groups", {"storage", "mail"}},
      {"nodes", {"node1", "node2", "node4"}},
      {"loggers", {"storage", "storage.disk"}},
      {"services", {"Storage", "User"}},
      {"targets", {"all", "storage", "mail", "node1", "node2"}},
      {"watchables", {"overall", "storage", "mail", "user.storage", "node1", "node2"}},
  };
  std::set<std::string> open = {"loggers"};
  std::vector<std::string> names(const std::string& kind) const override {
    const auto found = lists.find(kind);
    return found == lists.end() ? std::vector<std::string>{} : found->second;
  }
  bool isOpen(const std::string& kind) const override { return open.count(kind) > 0; }
};

class PaperAuthority : public Authority {
 public:
  std::map<std::string, v1::Role> roles = {
      {"olga@example.org", v1::ROLE_OBSERVER},
      {"otto@example.org", v1::ROLE_OPERATOR},
      {"ada@example.org", v1::ROLE_ADMIN},
      {"muster@example.org", v1::ROLE_COORDINATOR},
  };
  std::optional<v1::Role> roleOf(const Jid& bare) const override {
    EXPECT_TRUE(bare.isBare());
    const auto found = roles.find(bare.toString());
    if (found == roles.end()) return std::nullopt;
    return found->second;
  }
};

class PaperAudit : public AuditSink {
 public:
  std::vector<AuditEntry> entries;
  Status answer;
  Status record(const AuditEntry& entry) override {
    if (answer.isOk()) entries.push_back(entry);
    return answer;
  }
};

// Handlers that write down what they got and answer at once, or when told.
class Stage : public ::testing::Test {
 protected:
  void SetUp() override { make("muster.v1.ClusterCommands", clusterHandlers()); }

  void make(const std::string& service_name, HandlerSet handlers) {
    auto made = Dispatcher::make(build(service_name),
                                 withTheOthers(*service(service_name), std::move(handlers)),
                                 {&authority_, &directory_, &audit_, &random_,
                                  [this](const std::string& verb, Code outcome, ElapsedTime began) {
                                    answered_.push_back({verb, outcome, began});
                                  }});
    ASSERT_TRUE(made.isOk()) << made.status().text();
    dispatcher_ = std::move(made).value();
  }

  HandlerSet clusterHandlers() {
    HandlerSet handlers;
    handlers.add<v1::StatusRequest, v1::StatusReply>(
        "status", [this](const v1::StatusRequest& request, CallContext&,
                         const Responder<v1::StatusReply>& done) {
          status_requests_.push_back(request);
          done.reply(large_status_ ? *large_status_ : statusReply());
        });
    handlers.add<v1::NodesRequest, v1::NodesReply>(
        "Nodes", [](const v1::NodesRequest&, CallContext&, const Responder<v1::NodesReply>& done) {
          done.reply({});
        });
    handlers.add<v1::FailoverRequest, v1::FailoverReply>(
        "failover", [this](const v1::FailoverRequest& request, CallContext& context,
                           const Responder<v1::FailoverReply>& done) {
          audited_before_handler_ = audit_.entries.size();
          failovers_.push_back(request);
          callers_.push_back(context.caller().toString());
          if (later_) {
            waiting_ = done;
            return;
          }
          answerFailover(done);
        });
    return handlers;
  }

  HandlerSet nodeHandlers() {
    HandlerSet handlers;
    handlers.add<v1::LogLevelRequest, v1::LogLevelReply>(
        "log-level", [this](const v1::LogLevelRequest& request, CallContext&,
                            const Responder<v1::LogLevelReply>& done) {
          log_levels_.push_back(request);
          if (request.logger() == "nowhere") {
            return done.fail({Code::kNotFound, "there is no logger 'nowhere'", "logger"});
          }
          v1::LogLevelReply reply;
          auto* row = reply.add_loggers();
          row->set_name("storage");
          row->set_boot(v1::LOG_LEVEL_INFO);
          row->set_effective(v1::LOG_LEVEL_DEBUG);
          done.reply(reply);
        });
    handlers.add<v1::ServiceLevelRequest, v1::ServiceLevelReply>(
        "service-level", [](const v1::ServiceLevelRequest&, CallContext& context,
                            const Responder<v1::ServiceLevelReply>& done) {
          context.note("User service level: 99.9% (5 dropped in the last 10 mins.)");
          done.reply({});
        });
    handlers.add<v1::NodeInfoRequest, v1::NodeInfoReply>(
        "node-info", [](const v1::NodeInfoRequest&, CallContext&,
                        const Responder<v1::NodeInfoReply>& done) { done.reply({}); });
    return handlers;
  }

  void answerFailover(const Responder<v1::FailoverReply>& done) {
    if (!failure_.isOk()) return done.fail(failure_);
    v1::FailoverReply reply;
    reply.set_group("storage");
    reply.set_from("node1");
    reply.set_to("node2");
    reply.set_epoch(8);
    reply.set_duration_ms(1500);
    reply.set_state(v1::FAILOVER_STATE_DONE);
    done.reply(reply);
  }

  static v1::StatusReply statusReply() {
    v1::StatusReply reply;
    auto* group = reply.add_groups();
    group->set_name("storage");
    group->set_active("node1");
    group->set_epoch(7);
    group->set_phase(v1::PHASE_ACTIVE);
    group->set_present(2);
    group->set_members(2);
    group->mutable_level()->set_percent(99.9);
    group->mutable_level()->set_text(
        "Storage service level: 99.9% (5 dropped in the last 10 mins.)");
    group->mutable_level()->set_state(v1::LEVEL_STATE_BURNING);
    auto* mail = reply.add_groups();
    mail->set_name("mail");
    mail->set_phase(v1::PHASE_VACANT);
    mail->set_members(3);
    reply.mutable_overall()->set_percent(100);
    reply.mutable_overall()->set_text("Overall service level: 100% (within advertised SLA range)");
    reply.mutable_overall()->set_state(v1::LEVEL_STATE_OK);
    return reply;
  }

  // So many groups, each with a name of that length.
  static v1::StatusReply largeStatus(int groups, size_t name_bytes) {
    v1::StatusReply reply;
    for (int i = 0; i < groups; ++i) {
      std::string name = "g" + std::to_string(i);
      name.append(name_bytes - name.size(), 'x');
      reply.add_groups()->set_name(name);
    }
    return reply;
  }
  std::optional<v1::StatusReply> large_status_;

  const Jid olga_ = jid("olga@example.org/phone");
  const Jid otto_ = jid("otto@example.org/desk");
  const Jid stranger_ = jid("mallory@example.net/x");
  ManualClock clock_;
  SeededRandom random_{11};
  PaperDirectory directory_;
  PaperAuthority authority_;
  PaperAudit audit_;
  std::unique_ptr<Dispatcher> dispatcher_;

  bool later_ = false;
  Status failure_;
  std::optional<Responder<v1::FailoverReply>> waiting_;
  size_t audited_before_handler_ = 0;
  std::vector<v1::FailoverRequest> failovers_;
  std::vector<v1::StatusRequest> status_requests_;
  std::vector<v1::LogLevelRequest> log_levels_;
  std::vector<std::string> callers_;
  struct Answered {
    std::string verb;
    Code outcome;
    ElapsedTime began;
  };
  std::vector<Answered> answered_;
};

}  // namespace muster::catalogue
