// Replies as HTTP/1.1 responses.
#pragma once

#include <string>
#include <string_view>

#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// What of a response is not its body.
struct HttpResponseHead {
  int status = 200;
  bool http11 = true;  // the request's version
  bool keep_alive = true;
  bool is_json = true;     // what the body is; else it is plain text
  std::string_view extra;  // further header lines, each with its CRLF
};

// The status of a reply whose error has that code (0: a result or a batch), without one of its own.
int http_status(std::int64_t code, std::string_view reply);

// Header lines that a reply's error asks for: Retry-After, WWW-Authenticate.
std::string headers_of_error(int status, std::string_view reply);

// Appends a response. A 204 has no body; `body_wanted` is false for HEAD. `now` tells how old the Date is.
void append_response(std::string& out, const HttpResponseHead& head, std::string_view body, bool body_wanted,
                     TimePoint now);

}  // namespace sluice::core
