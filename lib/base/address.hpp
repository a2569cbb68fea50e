// Where to listen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::core {

// tcp://HOST:PORT, HOST an IPv4 address, an IPv6 address in brackets or a name, or unix:///path.
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
// those that the hosts file gives loopback addresses only; what others stand for may change.
bool is_local(const Address& address);

// Nothing where `text` is no such address.
std::optional<Address> parse_address(std::string_view text);

}  // namespace sluice::core
