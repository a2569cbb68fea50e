// HTTP/1.1 response: status line, headers and body of a reply.
#pragma once

#include <string>
#include <string_view>

#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// The parts of a response before its body.
struct HttpResponseHead {
  int status = 200;
  bool http11 = true;  // the request's version
  bool keep_alive = true;
  bool is_json = true;     // type of the body; else plain text
  std::string_view extra;  // further header lines, each with its CRLF
};

// Status of a reply whose error has that code (0: a result or a batch), if it has no status of its own.
int http_status(std::int64_t code, std::string_view reply);

// Header lines for a reply's error: Retry-After, WWW-Authenticate.
std::string headers_of_error(int status, std::string_view reply);

// Appends a response. A 204 has no body; `body_wanted` is false for HEAD. `now` shows whether the Date is up
// to date.
void append_response(std::string& out, const HttpResponseHead& head, std::string_view body, bool body_wanted,
                     TimePoint now);

// Appends the head of a response that streams events: chunked for HTTP/1.1, else until the connection's end.
void append_event_stream_head(std::string& out, const HttpResponseHead& head, TimePoint now);

}  // namespace sluice::core
