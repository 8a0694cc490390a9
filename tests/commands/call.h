// Calls a command through the dispatcher, as every face does.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/catalogue/dispatcher.h"
#include "tests/support/other_handlers.h"

namespace muster::commands {

class EverybodyIsOperator : public catalogue::Authority {
 public:
  std::optional<v1::Role> roleOf(const Jid&) const override { return v1::ROLE_OPERATOR; }
};

class NoAudit : public catalogue::AuditSink {
 public:
  Status record(const catalogue::AuditEntry&) override { return Status::ok(); }
};

class Caller {
 public:
  Caller(const google::protobuf::ServiceDescriptor* service, catalogue::HandlerSet handlers) {
    auto catalogue = catalogue::Catalogue::build({service});
    EXPECT_TRUE(catalogue.isOk()) << catalogue.status().text();
    auto dispatcher = catalogue::Dispatcher::make(
        std::move(catalogue).value(), catalogue::withTheOthers(*service, std::move(handlers)),
        {&authority_, &directory_, &audit_, &random_});
    EXPECT_TRUE(dispatcher.isOk()) << dispatcher.status().text();
    dispatcher_ = std::move(dispatcher).value();
  }

  // Asks; what was answered so far is in `outcomes`.
  void call(const std::string& verb, std::vector<std::string> positionals,
            std::vector<std::pair<std::string, std::string>> named = {}) {
    catalogue::CallRequest request;
    request.caller = Jid::parse("ann@example.org/phone").value();
    request.verb = verb;
    request.default_key = "key";
    request.arguments.positionals = std::move(positionals);
    request.arguments.named = std::move(named);
    dispatcher_->call(request, ElapsedTime{}, WallTime{}, [this](catalogue::CallOutcome outcome) {
      outcomes.push_back(std::move(outcome));
    });
  }

  template <typename Reply>
  Reply reply(size_t i = 0) const {
    return static_cast<const Reply&>(*outcomes.at(i).reply);
  }

  std::vector<catalogue::CallOutcome> outcomes;

 private:
  EverybodyIsOperator authority_;
  catalogue::OpenDirectory directory_;
  NoAudit audit_;
  SeededRandom random_{1};
  std::unique_ptr<catalogue::Dispatcher> dispatcher_;
};

}  // namespace muster::commands
