#include "libcontrol/etcd/client.h"

#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <mutex>
#include <sstream>
#include <utility>

#include "etcd_api.grpc.pb.h"
#include "libcontrol/base/text.h"

namespace muster::etcd {
namespace {

namespace api = etcdserverpb;

// Keys of one answer; several answers make a list. Far below what one message may hold.
constexpr int64_t kPage = 1000;
// A row is a few hundred bytes, and etcd takes at most 1.5 MiB in one request.
constexpr int kMaxMessageBytes = 64 * 1024 * 1024;
// A server that comes back is to be found at once: gRPC's own waits grow to minutes.
constexpr int kReconnectMs = 100;
constexpr int kMaxReconnectMs = 300;
// For how long one attempt may take.
constexpr int kConnectMs = 1000;

Code codeOf(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::UNAVAILABLE:
      return Code::kUnavailable;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::ABORTED:
      return Code::kTimeout;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::OUT_OF_RANGE:
      return Code::kInvalidArgument;
    case grpc::StatusCode::NOT_FOUND:
      return Code::kNotFound;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return Code::kResourceExhausted;
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
      return Code::kForbidden;
    case grpc::StatusCode::FAILED_PRECONDITION:
      return Code::kConflict;
    case grpc::StatusCode::DATA_LOSS:
      return Code::kDataLoss;
    default:
      return Code::kInternal;
  }
}

// The first key after all that begin with `prefix`; "\0" stands for no end.
std::string endOf(std::string prefix) {
  while (!prefix.empty()) {
    if (static_cast<unsigned char>(prefix.back()) < 0xff) {
      ++prefix.back();
      return prefix;
    }
    prefix.pop_back();
  }
  return std::string(1, '\0');
}

void write(const Op& op, api::RequestOp& out) {
  switch (op.kind) {
    case Op::Kind::kPut:
      out.mutable_request_put()->set_key(op.key);
      out.mutable_request_put()->set_value(op.value);
      out.mutable_request_put()->set_lease(op.lease);
      break;
    case Op::Kind::kDelete:
      out.mutable_request_delete_range()->set_key(op.key);
      if (op.prefix) out.mutable_request_delete_range()->set_range_end(endOf(op.key));
      break;
    case Op::Kind::kGet:
      out.mutable_request_range()->set_key(op.key);
      break;
  }
}

KeyValue read(const api::KeyValue& kv) {
  return {kv.key(), kv.value(), kv.create_revision(), kv.lease()};
}

struct Endpoint {
  std::string address;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<api::KV::Stub> kv;
  std::unique_ptr<api::Lease::Stub> lease;
  std::unique_ptr<api::Auth::Stub> auth;
};

class GrpcClient : public Client {
 public:
  GrpcClient(std::vector<Endpoint> endpoints, std::string user, std::string password)
      : endpoints_(std::move(endpoints)), user_(std::move(user)), password_(std::move(password)) {
    for (const Endpoint& each : endpoints_) all_ += (all_.empty() ? "" : ", ") + each.address;
  }

  Result<Outcome> transact(const Transaction& transaction, Duration timeout) override {
    api::TxnRequest request;
    for (const Expect& expect : transaction.expects) {
      api::Compare& compare = *request.add_compare();
      compare.set_key(expect.key);
      if (expect.create_revision) {
        compare.set_target(api::Compare::CREATE);
        compare.set_create_revision(*expect.create_revision);
      } else {
        compare.set_target(api::Compare::VALUE);
        compare.set_value(expect.value.value_or(""));
      }
    }
    for (const Op& op : transaction.then) write(op, *request.add_success());
    for (const Op& op : transaction.otherwise) write(op, *request.add_failure());
    api::TxnResponse response;
    const Status done = call(timeout, [&](Endpoint& at, grpc::ClientContext& context) {
      return at.kv->Txn(&context, request, &response);
    });
    if (!done) return done;
    Outcome out{response.succeeded(), {}};
    for (const api::ResponseOp& each : response.responses()) {
      for (const api::KeyValue& kv : each.response_range().kvs()) out.found.push_back(read(kv));
    }
    return out;
  }

  Result<std::vector<KeyValue>> list(const std::string& prefix, Duration timeout) override {
    std::vector<KeyValue> out;
    api::RangeRequest request;
    request.set_key(prefix);
    request.set_range_end(endOf(prefix));
    request.set_limit(kPage);
    while (true) {
      api::RangeResponse response;
      const Status done = call(timeout, [&](Endpoint& at, grpc::ClientContext& context) {
        return at.kv->Range(&context, request, &response);
      });
      if (!done) return done;
      for (const api::KeyValue& kv : response.kvs()) out.push_back(read(kv));
      if (!response.more() || response.kvs().empty()) return out;
      // The later pages as of the first.
      if (request.revision() == 0) request.set_revision(response.header().revision());
      request.set_key(out.back().key + std::string(1, '\0'));
    }
  }

  Result<Lease> grant(Duration ttl, Duration timeout) override {
    api::LeaseGrantRequest request;
    request.set_ttl((ttl.toMillis() + 999) / 1000);
    api::LeaseGrantResponse response;
    const Status done = call(timeout, [&](Endpoint& at, grpc::ClientContext& context) {
      return at.lease->LeaseGrant(&context, request, &response);
    });
    if (!done) return done;
    if (!response.error().empty()) return Status(Code::kInternal, "etcd: " + response.error());
    return Lease{response.id(), Duration::seconds(response.ttl())};
  }

  Result<Duration> keepAlive(int64_t lease, Duration timeout) override {
    api::LeaseKeepAliveRequest request;
    request.set_id(lease);
    api::LeaseKeepAliveResponse response;
    const Status done = call(timeout, [&](Endpoint& at, grpc::ClientContext& context) {
      auto stream = at.lease->LeaseKeepAlive(&context);
      const bool answered = stream->Write(request) && stream->Read(&response);
      stream->WritesDone();
      if (answered) {
        context.TryCancel();
        (void)stream->Finish();
        return grpc::Status::OK;
      }
      return stream->Finish();
    });
    if (!done) return done;
    if (response.ttl() <= 0) return Status(Code::kNotFound, "etcd: the lease is over");
    return Duration::seconds(response.ttl());
  }

  Status revoke(int64_t lease, Duration timeout) override {
    api::LeaseRevokeRequest request;
    request.set_id(lease);
    api::LeaseRevokeResponse response;
    return call(timeout, [&](Endpoint& at, grpc::ClientContext& context) {
      return at.lease->LeaseRevoke(&context, request, &response);
    });
  }

 private:
  using Call = std::function<grpc::Status(Endpoint&, grpc::ClientContext&)>;

  static void limit(grpc::ClientContext& context, Duration timeout) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::nanoseconds(timeout.ns));
  }

  // Where nothing can have been sent the next endpoint gets its chance within the same call.
  Status call(Duration timeout, const Call& make) {
    const size_t first = current_.load();
    const Duration share = timeout / static_cast<int64_t>(endpoints_.size() + 1);
    for (size_t i = 0; i < endpoints_.size(); ++i) {
      const size_t index = (first + i) % endpoints_.size();
      if (!connected(endpoints_[index], share)) continue;
      current_ = index;
      return ask(endpoints_[index], timeout - share * static_cast<int64_t>(i), make);
    }
    return {Code::kUnavailable, "etcd: no connection to " + all_};
  }

  // A channel makes progress only while somebody waits for it.
  static bool connected(const Endpoint& at, Duration within) {
    return at.channel->WaitForConnected(std::chrono::system_clock::now() +
                                        std::chrono::nanoseconds(within.ns));
  }

  Status ask(Endpoint& at, Duration timeout, const Call& make) {
    grpc::Status done = once(at, timeout, make);
    // A token lives as long as the server likes.
    if (!user_.empty() && done.error_code() == grpc::StatusCode::UNAUTHENTICATED) {
      forgetToken();
      done = once(at, timeout, make);
    }
    if (done.ok()) return Status::ok();
    const Code code = codeOf(done.error_code());
    if (code == Code::kUnavailable || code == Code::kTimeout) {
      current_ = (current_ + 1) % endpoints_.size();
    }
    return {code, "etcd at " + at.address + ": " + singleLine(done.error_message(), 300)};
  }

  grpc::Status once(Endpoint& at, Duration timeout, const Call& make) {
    grpc::ClientContext context;
    limit(context, timeout);
    if (!user_.empty()) {
      std::string token;
      if (const grpc::Status told = tokenFrom(at, timeout, token); !told.ok()) return told;
      context.AddMetadata("token", token);
    }
    return make(at, context);
  }

  grpc::Status tokenFrom(Endpoint& at, Duration timeout, std::string& token) {
    {
      const std::lock_guard lock(mutex_);
      token = token_;
    }
    if (!token.empty()) return grpc::Status::OK;
    api::AuthenticateRequest request;
    request.set_name(user_);
    request.set_password(password_);
    api::AuthenticateResponse response;
    grpc::ClientContext context;
    limit(context, timeout);
    grpc::Status done = at.auth->Authenticate(&context, request, &response);
    if (!done.ok()) return done;
    token = response.token();
    const std::lock_guard lock(mutex_);
    token_ = token;
    return done;
  }

  void forgetToken() {
    const std::lock_guard lock(mutex_);
    token_.clear();
  }

  std::vector<Endpoint> endpoints_;
  std::string all_;  // their addresses, for people
  std::atomic<size_t> current_{0};
  const std::string user_;
  const std::string password_;
  std::mutex mutex_;
  std::string token_;  // under mutex_
};

Result<std::string> contentOf(const std::string& file, const char* setting) {
  if (file.empty()) return std::string();
  std::ifstream in(file, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  if (in && !content.str().empty()) return content.str();
  return Status(Code::kInvalidArgument, "cannot read " + file, setting);
}

Result<std::shared_ptr<grpc::ChannelCredentials>> secured(const ClientConfig& config) {
  grpc::SslCredentialsOptions options;
  const auto ca = contentOf(config.ca_file, "ca_file");
  if (!ca) return ca.status();
  const auto certificate = contentOf(config.cert_file, "cert_file");
  if (!certificate) return certificate.status();
  const auto key = contentOf(config.key_file, "key_file");
  if (!key) return key.status();
  if (certificate->empty() != key->empty()) {
    return Status(Code::kInvalidArgument, "a certificate and its key belong together", "cert_file");
  }
  options.pem_root_certs = *ca;
  options.pem_cert_chain = *certificate;
  options.pem_private_key = *key;
  return grpc::SslCredentials(options);
}

}  // namespace

Result<std::unique_ptr<Client>> Client::make(const ClientConfig& config) {
  // What gRPC would write to a daemon's stderr comes back with the call as well.
  gpr_set_log_function([](gpr_log_func_args*) {});
  if (config.endpoints.empty()) {
    return Status(Code::kInvalidArgument, "etcd needs at least one endpoint", "endpoints");
  }
  std::vector<Endpoint> endpoints;
  for (const std::string& url : config.endpoints) {
    const bool tls = url.starts_with("https://");
    const std::string address = tls                          ? url.substr(8)
                                : url.starts_with("http://") ? url.substr(7)
                                                             : "";
    if (address.find(':') == std::string::npos || address.find('/') != std::string::npos) {
      return Status(Code::kInvalidArgument,
                    "'" + url + "' is no endpoint; say http://HOST:PORT or https://HOST:PORT",
                    "endpoints");
    }
    std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
    if (tls) {
      auto made = secured(config);
      if (!made) return made.status();
      credentials = std::move(made).value();
    }
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMs);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectMs);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectMs);
    // One process may have several clients, and a cut connection is to be noticed by its own.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    // A proxy of the environment is for the web.
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
    const auto channel = grpc::CreateCustomChannel(address, credentials, arguments);
    endpoints.push_back({url, channel, api::KV::NewStub(channel), api::Lease::NewStub(channel),
                         api::Auth::NewStub(channel)});
  }
  return std::unique_ptr<Client>(
      new GrpcClient(std::move(endpoints), config.user, config.password));
}

}  // namespace muster::etcd
