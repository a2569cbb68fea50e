// Host name: the host of a Host header or a URL, in canonical form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::core {

// The value of a Host header, or its counterpart in a URL.
struct HostName {
  std::string name;  // in lower case, without a dot at its end; addresses in canonical form,
                     // in brackets for IPv6
  std::optional<std::uint16_t> port;

  bool operator==(const HostName&) const = default;
};

// Nothing if `text` is not a host. An address may be written in any way that inet_aton() and inet_pton()
// accept: no name ends in a number.
std::optional<HostName> parse_host(std::string_view text);

// Whether the name surely is this machine's: a loopback address, localhost and names below it (RFC 6761), or
// one of `loopback_names`, which are sorted.
bool is_loopback_name(std::string_view name, const std::vector<std::string>& loopback_names);

// Host and port of SCHEME://HOST[:PORT], by default with the scheme's port. Nothing for schemes other than
// HTTP's and WebSocket's.
std::optional<HostName> host_of_origin(std::string_view origin);

}  // namespace sluice::core
