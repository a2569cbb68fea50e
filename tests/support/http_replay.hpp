// HTTP requests given to a parser in pieces, as a connection gives them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

#include "lib/transport/http/request_parser.hpp"

namespace sluice::core::testing {

using HttpStatus = HttpRequestParser::Status;

// The result for the bytes.
struct ParsedHttp {
  HttpStatus status = HttpStatus::need_more;
  std::size_t consumed = 0;
  bool header_done = false;
  HttpRequestHead head;  // whole where header_done
  std::string body;

  bool refused() const { return status != HttpStatus::need_more && status != HttpStatus::complete; }
};

// All that matters of a head, in one text.
inline std::string in_short(const HttpRequestHead& head) {
  std::string text;
  for (const std::string* part :
       {&head.method, &head.target, &head.host, &head.origin, &head.content_type, &head.authorization,
        &head.timeout_ms, &head.traceparent, &head.websocket_key, &head.websocket_version}) {
    text += *part + '|';
  }
  for (const bool flag :
       {head.http11, head.has_host, head.has_origin, head.has_timeout_ms, head.upgrade_websocket,
        head.expects_continue, head.expects_other, head.keep_alive}) {
    text += flag ? '1' : '0';
  }
  return text;
}

// One request from the front of `input`, in pieces of the sizes that `next_size(first byte)` gives. Throws
// std::logic_error where the parser breaks its word.
template <typename NextSize>
ParsedHttp replay_http(std::size_t body_bytes_max, std::string_view input, NextSize next_size) {
  HttpRequestParser parser(body_bytes_max, {});
  ParsedHttp result;
  std::size_t received = 0;
  while (received < input.size() && result.status == HttpStatus::need_more) {
    received += std::min(input.size() - received, next_size(received));
    const std::string window(input.substr(result.consumed, received - result.consumed));
    const auto progress = parser.parse(window);
    if (progress.consumed > window.size()) throw std::logic_error("more consumed than there is");
    result.status = progress.status;
    result.consumed += progress.consumed;
    if (result.status == HttpStatus::need_more && received - result.consumed > kHttpHeaderBytesMax)
      throw std::logic_error("too much waits");
  }
  result.header_done = parser.header_done();
  result.head = parser.head();
  result.body = parser.body();
  if (result.body.size() > body_bytes_max) throw std::logic_error("a body over the limit");
  return result;
}

inline ParsedHttp replay_http_whole(std::size_t body_bytes_max, std::string_view input) {
  return replay_http(body_bytes_max, input, [&](std::size_t) { return input.size(); });
}

}  // namespace sluice::core::testing
