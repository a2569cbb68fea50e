// PROXY protocol header, versions 1 and 2: with it a proxy names the client that it connects for (HAProxy's
// doc/proxy-protocol.txt). It precedes everything else on a connection.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <netinet/in.h>

namespace sluice::core {

inline constexpr std::size_t kProxyLineBytesMax = 107;  // version 1, with CR LF

// Reads the header from a connection's first bytes, in any pieces, and no byte more. Pure; one per
// connection.
class ProxyHeader {
 public:
  enum class Status : std::uint8_t { need_more, complete, invalid };

  // Number of bytes that may be read next. At most that many belong to the header.
  std::size_t wanted() const;
  // Returns how many of the bytes belong to the header: do not pass those again.
  std::size_t take(std::string_view bytes);

  Status status() const { return status_; }
  // Address of the client in a complete header. Nothing if the proxy speaks for itself (LOCAL) or does not
  // know the client (UNKNOWN, UNSPEC, or not TCP).
  const std::optional<sockaddr_in6>& source() const { return source_; }
  // Whether the proxy speaks for itself.
  bool is_local() const { return local_; }

 private:
  static constexpr std::size_t kHeadBytes = 16;     // version 2: signature, command, family, length
  static constexpr std::size_t kAddressBytes = 36;  // TCP over IPv6, the longest that is read

  std::size_t take_line(std::string_view bytes);
  std::size_t take_binary(std::string_view bytes);
  std::size_t fail();
  bool read_line(std::string_view line);
  bool read_head();
  void read_address();

  std::array<char, kProxyLineBytesMax> kept_;  // received part, as far as it is interpreted
  std::size_t size_ = 0;                       // received bytes
  std::size_t total_ = kHeadBytes;             // version 2: total bytes, as far as is known
  std::optional<sockaddr_in6> source_;
  bool local_ = false;
  Status status_ = Status::need_more;
};

}  // namespace sluice::core
