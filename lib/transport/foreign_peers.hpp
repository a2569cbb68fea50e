// Log lines about peers of other protocols.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::core {

class CodecHost;

// Kind of a connection that is not what the listener expects.
enum class Foreign : std::uint8_t { stream, http, proxy_header, no_proxy_header, kCount };

// Logs why such a connection is ended: once, then rarely and with a count, since a misconfigured client
// retries again and again. I/O threads.
void tell_foreign(const CodecHost& host, Foreign kind, std::string_view what);

}  // namespace sluice::core
