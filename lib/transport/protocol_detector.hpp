// Protocol detection from the first bytes of a connection.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::core {

enum class WireProtocol : std::uint8_t {
  undecided,  // more bytes are needed
  stream,     // JSON values one after another; the default as well
  header,     // Content-Length headers
  http,       // an HTTP request line
  proxy,      // a PROXY header, version 1 or 2
};

// `bytes` is everything received so far; white space before the first message is allowed.
WireProtocol detect_protocol(std::string_view bytes);

}  // namespace sluice::core
