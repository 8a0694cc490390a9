#include "coordinator/local/certificates.h"

#include <system_error>
#include <utility>

#include "coordinator/local/files.h"
#include "coordinator/local/server.h"

namespace muster::local {
namespace {

constexpr const char* kDays = "3650";
// Renewed this long before the end, so that a cluster does not lose its TLS while someone uses it.
constexpr const char* kRenewBeforeSeconds = "604800";
constexpr Duration kToolLimit = Duration::seconds(30);

std::string opensslConfig() {
  return std::string(
             "[req]\n"
             "distinguished_name = name\n"
             "prompt = no\n"
             "[name]\n"
             "CN = Muster local cluster\n"
             "[ca]\n"
             "basicConstraints = critical, CA:TRUE, pathlen:0\n"
             "keyUsage = critical, keyCertSign, cRLSign\n"
             "subjectKeyIdentifier = hash\n"
             "[server]\n"
             "basicConstraints = critical, CA:FALSE\n"
             "keyUsage = critical, digitalSignature\n"
             "extendedKeyUsage = serverAuth\n"
             "authorityKeyIdentifier = keyid\n"
             "subjectKeyIdentifier = hash\n"
             "subjectAltName = ") +
         "DNS:" + kDomain + ", DNS:" + kNodeDomain + ", DNS:" + kComponentDomain +
         ", IP:" + kLoopback + "\n";
}

// Runs openssl in a folder of its own.
class Openssl {
 public:
  Openssl(std::filesystem::path program, std::filesystem::path folder)
      : program_(std::move(program)), folder_(std::move(folder)) {}

  Status run(std::vector<std::string> arguments) const {
    ProcessSpec spec;
    spec.name = "openssl " + arguments.front();
    spec.argv = {program_.string()};
    spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
    spec.log_file = folder_ / "openssl.log";
    spec.working_dir = folder_;
    spec.end_with_parent = true;
    return runToEnd(spec, kToolLimit);
  }

 private:
  std::filesystem::path program_;
  std::filesystem::path folder_;
};

bool areGood(const Openssl& openssl, const std::filesystem::path& ca,
             const std::filesystem::path& certificate, const std::filesystem::path& key) {
  for (const auto& path : {ca, certificate, key}) {
    if (sizeOf(path) == 0) return false;
  }
  const auto lasts = [&](const std::filesystem::path& path) {
    return openssl.run({"x509", "-in", path.string(), "-noout", "-checkend", kRenewBeforeSeconds})
        .isOk();
  };
  return lasts(ca) && lasts(certificate) &&
         openssl.run({"verify", "-CAfile", ca.string(), certificate.string()}).isOk();
}

Status makeAnew(const Openssl& openssl, const std::filesystem::path& work) {
  if (Status written = replaceFile(work / "openssl.cnf", opensslConfig()); !written) {
    return written;
  }
  const std::vector<std::vector<std::string>> steps = {
      {"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
       "-sha256", "-days", kDays, "-config", "openssl.cnf", "-extensions", "ca", "-keyout",
       "ca.key", "-out", "ca.crt"},
      {"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256",
       "-config", "openssl.cnf", "-subj", std::string("/CN=") + kDomain, "-keyout", "server.key",
       "-out", "server.csr"},
      {"x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-sha256",
       "-CAcreateserial", "-days", kDays, "-extfile", "openssl.cnf", "-extensions", "server",
       "-out", "server.crt"},
  };
  for (const auto& step : steps) {
    if (Status done = openssl.run(step); !done) return done;
  }
  return Status::ok();
}

Status install(const std::filesystem::path& from, const std::filesystem::path& to) {
  const auto content = readFile(from, 64 * 1024);
  return content ? replaceFile(to, *content) : content.status();
}

}  // namespace

Result<bool> ensureCertificates(const std::filesystem::path& dir,
                                const std::filesystem::path& program) {
  const auto certs = serverFolder(dir) / "certs";
  const auto ca = dir / "ca" / "ca.crt";
  for (const auto& folder : {dir / "ca", serverFolder(dir), certs}) {
    if (Status made = makeFolder(folder, 0700); !made) return made;
  }
  const auto work = dir / "ca" / "work";
  std::error_code ignored;
  std::filesystem::remove_all(work, ignored);
  if (Status made = makeFolder(work, 0700); !made) return made;

  const Openssl openssl(program, work);
  Result<bool> renewed = false;
  if (!areGood(openssl, ca, certs / "server.crt", certs / "server.key")) {
    renewed = true;
    // From the certificate on, and until the CA is there too, the set does not verify: should this
    // be cut short, the next run begins anew.
    Status done = makeAnew(openssl, work);
    if (done) done = install(work / "server.crt", certs / "server.crt");
    if (done) done = install(work / "server.key", certs / "server.key");
    if (done) done = install(work / "ca.crt", ca);
    if (!done) renewed = done;
  }
  std::filesystem::remove_all(work, ignored);
  return renewed;
}

}  // namespace muster::local
