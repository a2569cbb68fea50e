// What the log says of connections that speak something else.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::core {

class CodecHost;

// How a connection turns out not to be what it should be.
enum class Foreign : std::uint8_t { stream, http, proxy_header, no_proxy_header, kCount };

// Says once, then rarely and with a count, why a connection is ended: a client that is set up wrongly tries
// again and again. I/O threads.
void tell_foreign(const CodecHost& host, Foreign kind, std::string_view what);

}  // namespace sluice::core
