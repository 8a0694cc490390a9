// What programs need that stand between two others on this machine.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <string_view>

namespace muster::bench {

sockaddr_in loopback(uint16_t port);

// To a socket, all of it; false if the other side is gone. No SIGPIPE.
bool writeAll(int fd, std::string_view bytes);

}  // namespace muster::bench
