// What a connection speaks, from its first bytes.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::core {

enum class WireProtocol : std::uint8_t {
  undecided,  // more bytes are needed
  stream,     // JSON values one after another; also whatever is nothing else
  header,     // Content-Length headers
  http,       // an HTTP request line
  proxy,      // a PROXY header, version 1 or 2
};

// `bytes` is all that has been received so far; white space before the first message is allowed.
WireProtocol detect_protocol(std::string_view bytes);

}  // namespace sluice::core
