#include "daemon/config_doubts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace sluice::daemon {

namespace {

using core::ListenSettings;

bool is_unix(const ListenSettings& listener) { return listener.address.starts_with("unix:"); }

bool asks_for_certificates(const ListenSettings& listener) {
  return listener.tls && !listener.tls->client_ca.empty();
}

}  // namespace

std::vector<ConfigError> doubts_about(const core::Settings& settings, const std::string& file,
                                      const std::vector<KeyPlaces>& clients,
                                      std::optional<TextPlace> max_memory) {
  std::vector<ConfigError> doubts;
  const auto warn = [&](TextPlace where, std::string message) {
    doubts.push_back({file, where.line, where.column, std::move(message)});
  };
  const auto warn_of_proof = [&](std::string_view key, bool (*serves)(const ListenSettings&),
                                 std::string_view missing) {
    if (std::ranges::any_of(settings.listeners, serves)) return;
    for (const KeyPlaces& client : clients) {
      const auto found = client.find(key);
      if (found == client.end()) continue;
      warn(found->second, fmt::format("client.{} can't be proved: no listener has {}", key, missing));
    }
  };
  warn_of_proof("user", is_unix, "a unix:// address");
  warn_of_proof("group", is_unix, "a unix:// address");
  warn_of_proof("certificate", asks_for_certificates, "tls with client_ca");
  if (max_memory && settings.memory_bytes_max > 0 &&
      settings.memory_bytes_max < settings.limits.message_bytes_max) {
    warn(*max_memory,
         "server.max_memory is less than server.max_message: a message of that length would end its "
         "connection");
  }
  return doubts;
}

}  // namespace sluice::daemon
