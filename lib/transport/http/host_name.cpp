#include "lib/transport/http/host_name.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace sluice::core {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) { return lower(c); });
  return result;
}

template <int kFamily, typename Bytes>
std::string spelled(const Bytes& bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(kFamily, &bytes, text.data(), text.size());
  return text.data();
}

// In brackets. An IPv4-mapped IPv6 address counts as IPv4.
std::optional<std::string> ipv6_name(std::string_view inside) {
  in6_addr v6{};
  if (::inet_pton(AF_INET6, std::string(inside).c_str(), &v6) != 1) return std::nullopt;
  if (!IN6_IS_ADDR_V4MAPPED(&v6)) return "[" + spelled<AF_INET6>(v6) + "]";
  in_addr v4{};
  std::copy_n(v6.s6_addr + 12, sizeof v4, reinterpret_cast<unsigned char*>(&v4));
  return spelled<AF_INET>(v4);
}

// Whether the last label is a decimal, octal or hexadecimal number. No name's is (the URL Standard, "ends in
// a number"). "3fab" is a name, and containers have such names.
bool is_ipv4(std::string_view name) {
  std::string_view digits = name.substr(name.rfind('.') + 1);
  const bool hexadecimal = digits.starts_with("0x");
  if (hexadecimal) digits.remove_prefix(2);
  const std::string_view allowed = hexadecimal ? "0123456789abcdef" : "0123456789";
  return (hexadecimal || !digits.empty()) && digits.find_first_not_of(allowed) == std::string_view::npos;
}

bool is_name(std::string_view name) {
  return std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_' ||
           (c & 0x80) != 0;
  });
}

std::optional<std::string> name_in(std::string_view text) {
  if (text.starts_with('[')) return ipv6_name(text.substr(1, text.size() - 2));
  std::string name = lower(text);
  if (name.ends_with('.')) name.pop_back();
  if (name.empty() || !is_name(name)) return std::nullopt;
  in_addr v4{};
  if (!is_ipv4(name)) return name;
  if (::inet_aton(name.c_str(), &v4) != 1) return std::nullopt;
  return spelled<AF_INET>(v4);
}

}  // namespace

std::optional<HostName> parse_host(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::size_t bracket = text.starts_with('[') ? text.find(']') : 0;
  if (bracket == std::string_view::npos) return std::nullopt;
  const std::size_t end = bracket > 0 ? bracket + 1 : std::min(text.find(':'), text.size());
  const auto name = end == 0 ? std::nullopt : name_in(text.substr(0, end));
  if (!name) return std::nullopt;
  HostName host{*name, std::nullopt};
  const std::string_view rest = text.substr(end);
  if (rest.empty() || rest == ":") return host;
  const std::string_view digits = rest.substr(1);
  std::uint16_t port = 0;
  const auto [last, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (rest.front() != ':' || error != std::errc() || last != digits.data() + digits.size())
    return std::nullopt;
  host.port = port;
  return host;
}

bool is_loopback_name(std::string_view name, const std::vector<std::string>& loopback_names) {
  // Addresses are in canonical form here.
  const bool address = name.starts_with("127.") && name.find_first_not_of("0123456789.") == name.npos;
  return address || name == "localhost" || name.ends_with(".localhost") || name == "[::1]" ||
         std::ranges::binary_search(loopback_names, name, std::less<>());
}

std::optional<HostName> host_of_origin(std::string_view origin) {
  struct Scheme {
    std::string_view begin;
    std::uint16_t port;
  };
  static constexpr std::array<Scheme, 4> kSchemes = {
      {{"http://", 80}, {"https://", 443}, {"ws://", 80}, {"wss://", 443}}};
  for (const Scheme& scheme : kSchemes) {
    const std::string_view begin = origin.substr(0, scheme.begin.size());
    if (!std::ranges::equal(begin, scheme.begin, {}, [](char c) { return lower(c); })) continue;
    auto host = parse_host(origin.substr(scheme.begin.size()));
    if (host && !host->port) host->port = scheme.port;
    return host;
  }
  return std::nullopt;
}

}  // namespace sluice::core
