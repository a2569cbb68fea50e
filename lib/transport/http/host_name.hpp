// Hosts as clients write them, compared by what they stand for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::core {

// The value of a Host header, or what stands in its place in a URL.
struct HostName {
  std::string name;  // in lower case, without a dot at its end; addresses in one spelling, in
                     // brackets where they are IPv6
  std::optional<std::uint16_t> port;

  bool operator==(const HostName&) const = default;
};

// Nothing where `text` is no host. An address may be written in any way that inet_aton() and inet_pton()
// read: no name ends in a number.
std::optional<HostName> parse_host(std::string_view text);

// Whether the name is this machine's for sure: a loopback address, localhost and what is below it (RFC 6761),
// or one of `loopback_names`, which are sorted.
bool is_loopback_name(std::string_view name, const std::vector<std::string>& loopback_names);

// The host and port of SCHEME://HOST[:PORT], with the scheme's port where there is none; nothing for another
// scheme than HTTP's and WebSocket's.
std::optional<HostName> host_of_origin(std::string_view origin);

}  // namespace sluice::core
