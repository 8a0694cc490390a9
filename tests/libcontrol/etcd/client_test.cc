// The client against a real etcd.
#include "libcontrol/etcd/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/etcd_server.h"

namespace muster::etcd {
namespace {

using ::testing::HasSubstr;

constexpr Duration kTimeout = Duration::seconds(5);

class EtcdClient : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = new muster::testing::EtcdServer;
    ASSERT_TRUE(server_->start()) << server_->error();
  }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }
  static std::unique_ptr<Client> clientOf(const std::vector<std::string>& endpoints) {
    ClientConfig config;
    config.endpoints = endpoints;
    auto client = Client::make(config);
    EXPECT_TRUE(client) << client.status().text();
    return std::move(client).value();
  }
  void put(const std::string& key, const std::string& value, int64_t lease = 0) {
    Transaction put;
    put.then = {Op::put(key, value, lease)};
    const auto done = client_->transact(put, kTimeout);
    ASSERT_TRUE(done) << done.status().text();
  }

  static muster::testing::EtcdServer* server_;
  std::unique_ptr<Client> client_ = clientOf({server_->url()});
};
muster::testing::EtcdServer* EtcdClient::server_ = nullptr;

TEST_F(EtcdClient, ATransactionDoesOneOrTheOther) {
  put("/a/key", "one");
  Transaction change;
  change.expects = {{"/a/key", std::nullopt, "one"}, {"/a/none", 0, std::nullopt}};
  change.then = {Op::put("/a/key", "two"), Op::get("/a/key")};
  change.otherwise = {Op::get("/a/key")};
  const auto first = client_->transact(change, kTimeout);
  ASSERT_TRUE(first) << first.status().text();
  EXPECT_TRUE(first->held);
  ASSERT_EQ(first->found.size(), 1u);
  EXPECT_EQ(first->found[0].value, "two") << "as the puts before it left it";
  const auto second = client_->transact(change, kTimeout);
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->held);
  EXPECT_EQ(second->found.at(0).create_revision, first->found[0].create_revision);
}

TEST_F(EtcdClient, AListHasAllAndOnlyThoseOfThePrefix) {
  for (int page = 0; page < 25; ++page) {
    Transaction puts;
    for (int i = 0; i < 100; ++i) {
      puts.then.push_back(Op::put("/l/" + std::to_string(1000 + page * 100 + i), "x"));
    }
    ASSERT_TRUE(client_->transact(puts, kTimeout));
  }
  put("/l0", "not this");
  put("/k", "nor this");
  const auto all = client_->list("/l/", kTimeout);
  ASSERT_TRUE(all) << all.status().text();
  ASSERT_EQ(all->size(), 2500u);
  EXPECT_EQ(all->front().key, "/l/1000");
  EXPECT_EQ(all->back().key, "/l/3499");
  Transaction erase;
  erase.then = {Op::erasePrefix("/l/")};
  ASSERT_TRUE(client_->transact(erase, kTimeout));
  EXPECT_TRUE(client_->list("/l/", kTimeout)->empty());
  EXPECT_EQ(client_->list("/l", kTimeout)->size(), 1u);
}

TEST_F(EtcdClient, ALeaseTakesItsKeysWithIt) {
  const auto lease = client_->grant(Duration::seconds(2), kTimeout);
  ASSERT_TRUE(lease) << lease.status().text();
  EXPECT_GE(lease->ttl, Duration::seconds(2));
  put("/lease/key", "x", lease->id);
  EXPECT_EQ(client_->list("/lease/", kTimeout)->at(0).lease, lease->id);
  const auto kept = client_->keepAlive(lease->id, kTimeout);
  ASSERT_TRUE(kept) << kept.status().text();
  EXPECT_EQ(*kept, lease->ttl);
  ASSERT_TRUE(client_->revoke(lease->id, kTimeout));
  EXPECT_TRUE(client_->list("/lease/", kTimeout)->empty());
  EXPECT_EQ(client_->keepAlive(lease->id, kTimeout).status().code(), Code::kNotFound);
  EXPECT_EQ(client_->revoke(lease->id, kTimeout).code(), Code::kNotFound);
}

TEST_F(EtcdClient, WhatItSaysIsToldWithItsAddress) {
  Transaction twice;
  twice.then = {Op::put("/a", "1"), Op::put("/a", "2")};
  const auto done = client_->transact(twice, kTimeout);
  EXPECT_EQ(done.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(done.status().text(), HasSubstr("etcd at " + server_->url() + ": "));
  EXPECT_THAT(done.status().text(), HasSubstr("duplicate key"));
}

TEST_F(EtcdClient, AnEndpointThatIsNotThereIsPassedOver) {
  auto client = clientOf({"http://127.0.0.1:1", server_->url()});
  EXPECT_TRUE(client->list("/x", kTimeout));
  EXPECT_TRUE(client->list("/x", kTimeout));
  auto none = clientOf({"http://127.0.0.1:1", "http://127.0.0.1:2"});
  const Status status = none->list("/x", Duration::millis(300)).status();
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_EQ(status.text(), "etcd: no connection to http://127.0.0.1:1, http://127.0.0.1:2");
}

TEST(EtcdClientSettings, AreCheckedByName) {
  const auto fault = [](const std::vector<std::string>& endpoints, const std::string& ca = "",
                        const std::string& certificate = "") {
    ClientConfig config;
    config.endpoints = endpoints;
    config.ca_file = ca;
    config.cert_file = certificate;
    const auto client = Client::make(config);
    return client ? "none" : client.status().field();
  };
  EXPECT_EQ(fault({}), "endpoints");
  EXPECT_EQ(fault({"localhost:2379"}), "endpoints");
  EXPECT_EQ(fault({"http://localhost"}), "endpoints");
  EXPECT_EQ(fault({"http://localhost:2379/v3"}), "endpoints");
  EXPECT_EQ(fault({"https://localhost:2379"}, "/nowhere/ca.pem"), "ca_file");
  EXPECT_EQ(fault({"https://localhost:2379"}, "", "/proc/self/status"), "cert_file");
  EXPECT_EQ(fault({"http://localhost:2379"}), "none");
}

TEST(EtcdClientFaults, AServerThatComesBackIsFound) {
  muster::testing::EtcdServer server;
  ASSERT_TRUE(server.start()) << server.error();
  ClientConfig config;
  config.endpoints = {server.url()};
  auto client = std::move(Client::make(config)).value();
  Transaction put;
  put.then = {Op::put("/a", "kept")};
  ASSERT_TRUE(client->transact(put, kTimeout));
  server.kill();
  EXPECT_FALSE(client->list("/a", kTimeout));
  ASSERT_TRUE(server.start()) << server.error();
  Result<std::vector<KeyValue>> found = Status(Code::kUnavailable, "");
  // The first call may still meet the end of the old connection.
  for (int i = 0; i < 2 && !found; ++i) found = client->list("/a", kTimeout);
  ASSERT_TRUE(found) << found.status().text();
  EXPECT_EQ(found->at(0).value, "kept");
  server.freeze();
  EXPECT_EQ(client->list("/a", Duration::millis(200)).status().code(), Code::kTimeout);
  server.thaw();
}

TEST(EtcdClientTls, BothSidesShowWhoTheyAre) {
  muster::testing::EtcdServer server({.tls = true});
  ASSERT_TRUE(server.start()) << server.error();
  ClientConfig config;
  config.endpoints = {server.url()};
  config.ca_file = server.caFile();
  EXPECT_FALSE((*Client::make(config))->list("/", kTimeout)) << "without a certificate";
  config.cert_file = server.dir() + "/localhost.crt";
  config.key_file = server.dir() + "/localhost.key";
  const auto allowed = (*Client::make(config))->list("/", kTimeout);
  EXPECT_TRUE(allowed) << allowed.status().text();
  config.ca_file = server.otherCaFile();
  EXPECT_FALSE((*Client::make(config))->list("/", kTimeout)) << "signed by somebody else";
}

TEST(EtcdClientUsers, ShowAPasswordAndDoWhatTheirRoleAllows) {
  muster::testing::EtcdServer server;
  ASSERT_TRUE(server.start()) << server.error();
  const auto etcdctl = [&](const std::string& words) {
    return std::system(
        ("ETCDCTL_API=3 etcdctl --endpoints=" + server.url() + " " + words + " >/dev/null 2>&1")
            .c_str());
  };
  for (const char* words :
       {"user add root:secret", "user grant-role root root", "user add muster:pass word",
        "role add muster", "role grant-permission --prefix=true muster readwrite /muster/",
        "user grant-role muster muster", "auth enable"}) {
    const std::string quoted =
        std::string(words) == "user add muster:pass word" ? "user add 'muster:pass word'" : words;
    ASSERT_EQ(etcdctl(quoted), 0) << words;
  }
  ClientConfig config;
  config.endpoints = {server.url()};
  EXPECT_FALSE((*Client::make(config))->list("/muster/", kTimeout)) << "nobody";
  config.user = "muster";
  config.password = "wrong";
  EXPECT_FALSE((*Client::make(config))->list("/muster/", kTimeout));
  config.password = "pass word";
  const auto client = std::move(Client::make(config)).value();
  EXPECT_TRUE(client->list("/muster/", kTimeout));
  EXPECT_EQ(client->list("/other/", kTimeout).status().code(), Code::kForbidden);
  // Tokens don't outlive the server.
  ASSERT_TRUE(server.restart()) << server.error();
  Result<std::vector<KeyValue>> found = Status(Code::kUnavailable, "");
  for (int i = 0; i < 2 && !found; ++i) found = client->list("/muster/", kTimeout);
  EXPECT_TRUE(found) << found.status().text();
}

}  // namespace
}  // namespace muster::etcd
