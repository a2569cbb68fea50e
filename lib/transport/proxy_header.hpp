// The PROXY protocol's header, versions 1 and 2, in front of whatever else a connection carries: a proxy says
// for whom it connects (HAProxy's doc/proxy-protocol.txt).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <netinet/in.h>

namespace sluice::core {

inline constexpr std::size_t kProxyLineBytesMax = 107;  // of version 1, with CR LF

// Takes the header out of a connection's first bytes, whatever pieces they come in, and no byte more. Pure;
// one per connection.
class ProxyHeader {
 public:
  enum class Status : std::uint8_t { need_more, complete, invalid };

  // How many bytes may be looked at next. At most that many belong to the header.
  std::size_t wanted() const;
  // How many of the bytes belong to the header: those are not to be shown again.
  std::size_t take(std::string_view bytes);

  Status status() const { return status_; }
  // Of a complete one: whom the proxy connects for. Nothing where it speaks for itself (LOCAL) or does not
  // know (UNKNOWN, UNSPEC, or no TCP).
  const std::optional<sockaddr_in6>& source() const { return source_; }
  // Whether the proxy speaks for itself.
  bool is_local() const { return local_; }

 private:
  static constexpr std::size_t kHeadBytes = 16;     // of version 2: signature, command, family, length
  static constexpr std::size_t kAddressBytes = 36;  // of TCP over IPv6, the longest that is read

  std::size_t take_line(std::string_view bytes);
  std::size_t take_binary(std::string_view bytes);
  std::size_t fail();
  bool read_line(std::string_view line);
  bool read_head();
  void read_address();

  std::array<char, kProxyLineBytesMax> kept_;  // what has come of it, as far as it is looked at
  std::size_t size_ = 0;                       // bytes that have come
  std::size_t total_ = kHeadBytes;             // version 2: bytes in all, as far as is known
  std::optional<sockaddr_in6> source_;
  bool local_ = false;
  Status status_ = Status::need_more;
};

}  // namespace sluice::core
