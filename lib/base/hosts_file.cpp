#include "lib/base/hosts_file.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace sluice::core {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::optional<bool> is_loopback(const std::string& address) {
  in_addr v4{};
  if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
  in6_addr v6{};
  if (::inet_pton(AF_INET6, address.c_str(), &v6) != 1) return std::nullopt;
  return IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

std::string lower(std::string_view text) {
  std::string name(text);
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return name;
}

}  // namespace

std::vector<std::string> loopback_names_in(std::string_view hosts) {
  std::map<std::string, bool> local;  // false: it has another address as well
  while (!hosts.empty()) {
    std::string_view line = hosts.substr(0, hosts.find('\n'));
    hosts.remove_prefix(std::min(line.size() + 1, hosts.size()));
    line = line.substr(0, line.find('#'));
    const auto loopback = is_loopback(std::string(next_word(line)));
    if (!loopback) continue;
    for (std::string_view name = next_word(line); !name.empty(); name = next_word(line)) {
      const auto [known, is_new] = local.emplace(lower(name), *loopback);
      if (!is_new) known->second = known->second && *loopback;
    }
  }
  std::vector<std::string> names;
  for (const auto& [name, is_local] : local) {
    if (is_local) names.push_back(name);
  }
  return names;
}

std::vector<std::string> loopback_names() {
  std::ifstream file("/etc/hosts", std::ios::binary);
  std::string text(kHostsFileBytesMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return loopback_names_in(text);
}

}  // namespace sluice::core
