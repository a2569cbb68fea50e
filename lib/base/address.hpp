// Address of a listener or an upstream stream: a TCP host and port, or a Unix socket's path.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::core {

// tcp://HOST:PORT or unix:///path. HOST is an IPv4 address, an IPv6 address in brackets or a name.
struct Address {
  enum class Kind : std::uint8_t { tcp, unix_socket };
  Kind kind = Kind::tcp;
  std::string host;  // without brackets
  std::uint16_t port = 0;
  std::string path;

  std::string to_string() const;
  bool operator==(const Address&) const = default;
};

// Whether only this machine can reach the address: a Unix socket, or TCP on loopback. Of names, localhost and
// those that the hosts file maps to loopback addresses only. Other names may change their addresses.
bool is_local(const Address& address);

// Nothing if `text` is not such an address.
std::optional<Address> parse_address(std::string_view text);

}  // namespace sluice::core
