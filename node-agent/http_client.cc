#include "node-agent/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "libcontrol/base/text.h"

namespace muster::agent {
namespace {

struct Taken {
  std::string body;
  size_t max_bytes = 0;
  bool too_much = false;
};

size_t take(char* data, size_t size, size_t count, void* to) {
  Taken& taken = *static_cast<Taken*>(to);
  if (taken.body.size() + size * count > taken.max_bytes) {
    taken.too_much = true;
    return 0;
  }
  taken.body.append(data, size * count);
  return size * count;
}

struct Freed {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Handle = std::unique_ptr<CURL, Freed>;
using Lines = std::unique_ptr<curl_slist, Freed>;

bool prepareCurl() {
  static const bool kDone = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return kDone;
}

// Before a request is sent.
bool isBeforehand(CURLcode code) {
  return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT ||
         code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION ||
         code == CURLE_SSL_CACERT_BADFILE;
}

Status failure(CURL* curl, CURLcode code, const Taken& taken, const char* detail) {
  if (taken.too_much) {
    return {Code::kResourceExhausted,
            "the answer is larger than " + std::to_string(taken.max_bytes) + " bytes"};
  }
  const std::string text = *detail != 0 ? detail : curl_easy_strerror(code);
  double connected = 0;
  curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME, &connected);
  const bool beforehand = isBeforehand(code) || connected <= 0;
  return {beforehand ? Code::kUnavailable : Code::kTimeout, singleLine(text, 300)};
}

void setPlace(CURL* curl, const HttpPlace& place) {
  curl_easy_setopt(curl, CURLOPT_URL, place.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  // What the environment says of proxies is for browsers.
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  if (!place.unix_socket.empty()) {
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, place.unix_socket.c_str());
  }
  if (!place.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, place.ca_file.c_str());
  if (!place.user.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(curl, CURLOPT_USERNAME, place.user.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, place.password.c_str());
  }
}

}  // namespace

Result<HttpAnswer> sendHttp(const HttpRequest& request) {
  if (!prepareCurl()) return Status(Code::kInternal, "libcurl can't be used");
  const Handle handle(curl_easy_init());
  CURL* curl = handle.get();
  if (curl == nullptr) return Status(Code::kResourceExhausted, "no memory for a request");
  curl_slist* list = nullptr;
  for (const std::string& line : request.headers) list = curl_slist_append(list, line.c_str());
  // Nobody waits for a second packet.
  list = curl_slist_append(list, "Expect:");
  const Lines lines(list);
  Taken taken;
  taken.max_bytes = request.max_bytes;
  char detail[CURL_ERROR_SIZE] = {};
  setPlace(curl, request.place);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.toMillis()));
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines.get());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &taken);
  if (!request.body.empty() || (request.method != "GET" && request.method != "HEAD")) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  if (request.method == "HEAD") curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) return failure(curl, code, taken, detail);
  HttpAnswer answer;
  long status = 0;
  curl_off_t took_us = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &took_us);
  answer.status = static_cast<int>(status);
  answer.took = Duration{static_cast<int64_t>(took_us) * 1000};
  answer.body = std::move(taken.body);
  return answer;
}

std::string problemOfUrl(const std::string& url, bool allow_remote) {
  const std::unique_ptr<CURLU, Freed> parsed(curl_url());
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    return "is no URL such as http://127.0.0.1:8080/actuator";
  }
  const auto part = [&](CURLUPart which) {
    char* text = nullptr;
    if (curl_url_get(parsed.get(), which, &text, 0) != CURLUE_OK) return std::string();
    std::string out = text;
    curl_free(text);
    return out;
  };
  const std::string scheme = part(CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return "must begin with http:// or https://";
  if (!part(CURLUPART_USER).empty() || !part(CURLUPART_PASSWORD).empty()) {
    return "must not have a password in it, since others see the file; use user and password_file";
  }
  const std::string host = part(CURLUPART_HOST);
  const bool loopback = host == "localhost" || host.starts_with("127.") || host == "[::1]";
  if (loopback || allow_remote) return {};
  return "leaves this machine; say allow_remote = true if that is meant";
}

bool isHttpHeader(const std::string& line) {
  const size_t colon = line.find(':');
  if (colon == 0 || colon == std::string::npos) return false;
  return std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

}  // namespace muster::agent
