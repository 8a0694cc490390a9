// The throw-away CA and the server's certificate, by the openssl command.
#pragma once

#include <filesystem>

#include "libcontrol/base/status.h"

namespace muster::local {

// Makes DIR/ca/ca.crt and the server's certificate and key if they are missing, about to expire or
// do not belong together. The CA's key is deleted as soon as it has signed, so that nothing else
// can ever be signed by it; certificates are renewed by a new CA. True if they were made anew:
// whatever is running then has to be restarted.
Result<bool> ensureCertificates(const std::filesystem::path& dir,
                                const std::filesystem::path& openssl);

}  // namespace muster::local
