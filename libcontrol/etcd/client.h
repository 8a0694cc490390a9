// A client of etcd's API, version 3: transactions, ranges and leases, as far as a coordinator needs
// them, over gRPC.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace muster::etcd {

struct ClientConfig {
  // "http://HOST:PORT" or "https://HOST:PORT", of one etcd cluster; at least one.
  std::vector<std::string> endpoints;
  // Of https: who signed the servers' certificates (PEM; empty: the system's), and this client's
  // own certificate and key where the servers want one.
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  // Where etcd's authentication is on; empty: it is off.
  std::string user;
  std::string password;
};

struct KeyValue {
  std::string key;
  std::string value;
  int64_t create_revision = 0;
  int64_t lease = 0;  // that it goes with; 0: it stays
};

// One step of a transaction; exactly one of the three, by its factory.
struct Op {
  enum class Kind { kPut, kDelete, kGet };
  Kind kind = Kind::kGet;
  std::string key;
  std::string value{};
  int64_t lease = 0;  // of a put: the key goes with this lease; 0: it stays
  bool prefix = false;

  static Op put(std::string key, std::string value, int64_t lease = 0) {
    return {Kind::kPut, std::move(key), std::move(value), lease};
  }
  static Op erase(std::string key) { return {Kind::kDelete, std::move(key)}; }
  // And all keys that begin with it.
  static Op erasePrefix(std::string key) { return {Kind::kDelete, std::move(key), {}, 0, true}; }
  static Op get(std::string key) { return {Kind::kGet, std::move(key)}; }
};

// Whether a key is as expected: made by that revision (0: not there), or of that value.
struct Expect {
  std::string key;
  std::optional<int64_t> create_revision{};
  std::optional<std::string> value{};
};

// All of `then` if every expectation holds, else all of `otherwise`; no key may be changed twice.
struct Transaction {
  std::vector<Expect> expects;
  std::vector<Op> then;
  std::vector<Op> otherwise;
};

struct Outcome {
  bool held = false;            // whether every expectation did
  std::vector<KeyValue> found;  // by the gets of what was done
};

struct Lease {
  int64_t id = 0;
  Duration ttl;  // whole seconds, as the server gives them
};

// Any thread, several at once. Every call blocks until it is answered or `timeout` is over, and
// goes to one of the endpoints that can be connected to, the next call after an error to another.
// Nothing is repeated by itself: after kUnavailable or kTimeout a change may have been made or not.
// Other codes are the server's: kForbidden, kInvalidArgument, kResourceExhausted (its space or its
// limits), ...
class Client {
 public:
  // kInvalidArgument names the setting that can't be; a file that can't be read is one. Connects at
  // the first call.
  static Result<std::unique_ptr<Client>> make(const ClientConfig& config);
  virtual ~Client() = default;

  virtual Result<Outcome> transact(const Transaction& transaction, Duration timeout) = 0;
  // All keys that begin with `prefix`, in order, as they were at one moment after the call.
  virtual Result<std::vector<KeyValue>> list(const std::string& prefix, Duration timeout) = 0;
  virtual Result<Lease> grant(Duration ttl, Duration timeout) = 0;
  // For how long it is kept from now on; kNotFound: it is over.
  virtual Result<Duration> keepAlive(int64_t lease, Duration timeout) = 0;
  virtual Status revoke(int64_t lease, Duration timeout) = 0;
};

}  // namespace muster::etcd
