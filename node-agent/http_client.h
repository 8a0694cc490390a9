// One HTTP request at a time, bounded in time and size. Blocks.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace muster::agent {

// Where a server is and how one shows who one is. Redirects are never followed: they would take the
// credentials to a place that nobody has configured.
struct HttpPlace {
  std::string url;          // http or https; its host is for the Host header with a unix socket
  std::string unix_socket;  // empty: TCP
  std::string ca_file;      // PEM, for https; empty: the system's authorities
  std::string user;         // basic auth, RFC 7617; empty: none
  std::string password;
};

struct HttpRequest {
  HttpPlace place;
  std::string method = "GET";
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
  Duration timeout = Duration::seconds(5);  // of all of it
  size_t max_bytes = 64 * 1024;             // of the answer's body
};

struct HttpAnswer {
  int status = 0;
  std::string body;
  Duration took;
};

// kUnavailable: nobody was reached, so that nothing has happened; kTimeout: the time was over, or
// the connection was lost, after the request may have gone out; kResourceExhausted: the answer is
// larger than max_bytes; kInvalidArgument: no such request can be made.
Result<HttpAnswer> sendHttp(const HttpRequest& request);

// What is wrong with a URL for the above; empty: nothing. Only http and https; without
// `allow_remote` only loopback by number or as "localhost".
std::string problemOfUrl(const std::string& url, bool allow_remote);
// "Name: value" of printable ASCII.
bool isHttpHeader(const std::string& line);

}  // namespace muster::agent
