// Key of a peer: identifies a client's machine or user across its connections.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace sluice::core {

// An IPv4 address, the first 64 bits of an IPv6 address (any machine of that network may use them all), or
// the user of a Unix socket's peer.
struct PeerKey {
  enum class Kind : std::uint8_t { ipv4, ipv6, user };
  Kind kind = Kind::user;
  std::uint64_t value = 0;

  bool operator==(const PeerKey&) const = default;

  struct Hash {
    std::size_t operator()(const PeerKey& key) const {
      return std::hash<std::uint64_t>()(key.value * 4 + static_cast<std::uint64_t>(key.kind));
    }
  };
};

}  // namespace sluice::core
