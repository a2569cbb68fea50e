#include "daemon/config/reload.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/config/address.hpp"
#include "lib/observe/log.hpp"
#include "lib/transport/listen/listener_rules.hpp"

namespace sluice::daemon {

namespace {

using core::ClientSettings;
using core::ListenSettings;

// Whether unauthenticated clients may call everything as the client "anonymous".
bool anonymous_unlimited(const core::Settings& settings) {
  return std::ranges::any_of(settings.clients, [](const ClientSettings& client) {
    return client.name == "anonymous" && !client.methods;
  });
}

// Two spellings of one address are the same.
std::string address_of(const ListenSettings& listener) {
  const auto parsed = parse_listen_address(listener.address);
  const std::string id = parsed ? identity(*parsed) : std::string();
  return id.empty() ? listener.address : id;
}

}  // namespace

std::vector<ConfigError> lost_protection(const core::Settings& running, const core::Settings& wanted,
                                         const std::string& file) {
  std::vector<ConfigError> lost;
  const auto complain = [&](std::string message) { lost.push_back({file, 0, 0, std::move(message)}); };
  const bool meant = std::ranges::any_of(wanted.listeners, &ListenSettings::insecure);
  const bool limited = !running.clients.empty() && !anonymous_unlimited(running);
  if (limited && wanted.clients.empty() && !meant) {
    complain(
        "has no [[client]] any more, and every client that connects could call everything; insecure = true "
        "at a "
        "[[listen]] says that it is meant");
  }
  if (limited && anonymous_unlimited(wanted) && !meant) {
    complain(
        "has a client anonymous without methods, and every client that connects could call everything; "
        "methods = [\"*\"] says that it is meant");
  }
  for (const ListenSettings& listener : wanted.listeners) {
    if (listener.tls || listener.insecure || !core::serves_other_machines(listener)) continue;
    const bool had_tls = std::ranges::any_of(running.listeners, [&](const ListenSettings& each) {
      return each.tls && address_of(each) == address_of(listener);
    });
    if (!had_tls) continue;
    complain(
        fmt::format("has no tls at {} any more; insecure = true beside the address says that it is meant",
                    core::printable(listener.address)));
  }
  return lost;
}

}  // namespace sluice::daemon
