#include "lib/transport/proxy_header.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

#include <arpa/inet.h>

namespace sluice::core {
namespace {

constexpr std::string_view kLineBegin = "PROXY ";
constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kIpv4Bytes = 12;  // two addresses and two ports
constexpr std::size_t kIpv6Bytes = 36;
constexpr unsigned kVersion = 2;
constexpr unsigned kLocal = 0;
constexpr unsigned kProxied = 1;
constexpr unsigned kTcpOverIpv4 = 0x11;
constexpr unsigned kTcpOverIpv6 = 0x21;

bool agree(std::string_view bytes, std::string_view with) {
  const std::size_t size = std::min(bytes.size(), with.size());
  return bytes.substr(0, size) == with.substr(0, size);
}

// Removes the next word, up to a blank or the end.
std::string_view next_word(std::string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

std::optional<std::uint16_t> port_in(std::string_view digits) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  if (!whole || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
  return port;
}

// An address as accept() returns it. IPv4 is a sockaddr_in within a sockaddr_in6.
std::optional<sockaddr_in6> address_in(int family, std::string_view text, std::uint16_t port) {
  sockaddr_in6 v6{};
  v6.sin6_family = static_cast<sa_family_t>(family);
  v6.sin6_port = htons(port);
  auto& v4 = reinterpret_cast<sockaddr_in&>(v6);
  void* const to = family == AF_INET ? static_cast<void*>(&v4.sin_addr) : &v6.sin6_addr;
  if (::inet_pton(family, std::string(text).c_str(), to) != 1) return std::nullopt;
  return v6;
}

}  // namespace

std::size_t ProxyHeader::wanted() const {
  if (status_ != Status::need_more) return 0;
  if (size_ == 0) return kHeadBytes;
  return kept_[0] == kLineBegin.front() ? kProxyLineBytesMax - size_ : total_ - size_;
}

std::size_t ProxyHeader::take(std::string_view bytes) {
  if (status_ != Status::need_more || bytes.empty()) return 0;
  const char first = size_ == 0 ? bytes.front() : kept_[0];
  if (first == kLineBegin.front()) return take_line(bytes);
  return first == kSignature.front() ? take_binary(bytes) : fail();
}

std::size_t ProxyHeader::fail() {
  status_ = Status::invalid;
  return 0;
}

std::size_t ProxyHeader::take_line(std::string_view bytes) {
  const std::size_t newline = bytes.find('\n');
  const std::size_t taken =
      std::min({newline == std::string_view::npos ? bytes.size() : newline + 1, kProxyLineBytesMax - size_});
  bytes.copy(kept_.data() + size_, taken);
  const std::string_view line(kept_.data(), size_ + taken);
  if (!agree(line, kLineBegin)) return fail();
  size_ += taken;
  if (line.ends_with('\n')) {
    status_ = line.ends_with("\r\n") && read_line(line.substr(0, line.size() - 2)) ? Status::complete
                                                                                   : Status::invalid;
  } else if (size_ == kProxyLineBytesMax) {
    status_ = Status::invalid;
  }
  return taken;
}

bool ProxyHeader::read_line(std::string_view line) {
  if (!line.starts_with(kLineBegin)) return false;
  line.remove_prefix(kLineBegin.size());
  const std::string_view family = next_word(line);
  if (family == "UNKNOWN") return true;
  const bool v4 = family == "TCP4";
  if (!v4 && family != "TCP6") return false;
  const std::string_view source = next_word(line);
  const std::string_view destination = next_word(line);
  const auto source_port = port_in(next_word(line));
  const auto destination_port = port_in(line);
  if (!source_port || !destination_port) return false;
  source_ = address_in(v4 ? AF_INET : AF_INET6, source, *source_port);
  return source_ && address_in(v4 ? AF_INET : AF_INET6, destination, *destination_port);
}

std::size_t ProxyHeader::take_binary(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && size_ < total_) {
    // Bytes behind the addresses are not kept.
    const std::size_t kept = std::min(total_, kHeadBytes + kAddressBytes);
    std::size_t part = std::min(bytes.size() - taken, (size_ < kept ? kept : total_) - size_);
    if (size_ < kept) bytes.copy(kept_.data() + size_, part, taken);
    if (!agree({kept_.data(), std::min(size_ + part, kSignature.size())}, kSignature)) {
      status_ = Status::invalid;
      return taken;
    }
    size_ += part;
    taken += part;
    if (size_ == kHeadBytes && total_ == kHeadBytes && !read_head()) {
      status_ = Status::invalid;
      return taken;
    }
  }
  if (size_ == total_) {
    read_address();
    status_ = Status::complete;
  }
  return taken;
}

// Behind the signature: version and command, family and transport, and the length of the rest.
bool ProxyHeader::read_head() {
  const auto byte = [this](std::size_t at) { return static_cast<unsigned char>(kept_[at]); };
  const unsigned command = byte(12) & 0x0F;
  const unsigned family = byte(13);
  const std::size_t length = std::size_t{byte(14)} << 8 | byte(15);
  local_ = command == kLocal;
  total_ = kHeadBytes + length;
  if (byte(12) >> 4 != kVersion || (command != kLocal && command != kProxied)) return false;
  if (local_) return true;
  return (family != kTcpOverIpv4 || length >= kIpv4Bytes) && (family != kTcpOverIpv6 || length >= kIpv6Bytes);
}

void ProxyHeader::read_address() {
  if (local_) return;
  const unsigned family = static_cast<unsigned char>(kept_[13]);
  const char* const addresses = kept_.data() + kHeadBytes;
  sockaddr_in6 v6{};
  if (family == kTcpOverIpv4) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(v6);
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, addresses, sizeof v4.sin_addr);
    std::memcpy(&v4.sin_port, addresses + 2 * sizeof v4.sin_addr, sizeof v4.sin_port);
  } else if (family == kTcpOverIpv6) {
    v6.sin6_family = AF_INET6;
    std::memcpy(&v6.sin6_addr, addresses, sizeof v6.sin6_addr);
    std::memcpy(&v6.sin6_port, addresses + 2 * sizeof v6.sin6_addr, sizeof v6.sin6_port);
  } else {
    return;
  }
  source_ = v6;
}

}  // namespace sluice::core
