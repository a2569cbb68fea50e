#include "daemon/config/doubts.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace sluice::daemon {

namespace {

using core::ListenSettings;

bool is_unix(const ListenSettings& listener) { return listener.address.starts_with("unix:"); }

bool asks_for_certificates(const ListenSettings& listener) {
  return listener.tls && !listener.tls->client_ca.empty();
}

// True where their number is unknown.
bool has_one_of(const std::vector<std::size_t>& cpus) {
  const long count = ::sysconf(_SC_NPROCESSORS_CONF);
  return count <= 0 ||
         std::ranges::any_of(cpus, [&](std::size_t cpu) { return cpu < static_cast<std::size_t>(count); });
}

}  // namespace

std::vector<ConfigError> doubts_about(const core::Settings& settings, const std::string& file,
                                      const std::vector<KeyLocations>& clients, const KeyLocations& server) {
  std::vector<ConfigError> doubts;
  const auto warn = [&](SourceLocation where, std::string message) {
    doubts.push_back({file, where.line, where.column, std::move(message)});
  };
  const auto warn_of_credential = [&](std::string_view key, bool (*serves)(const ListenSettings&),
                                      std::string_view missing) {
    if (std::ranges::any_of(settings.listeners, serves)) return;
    for (const KeyLocations& client : clients) {
      const auto found = client.find(key);
      if (found == client.end()) continue;
      warn(found->second, fmt::format("client.{} can't match: no listener has {}", key, missing));
    }
  };
  warn_of_credential("user", is_unix, "a unix:// address");
  warn_of_credential("group", is_unix, "a unix:// address");
  warn_of_credential("certificate", asks_for_certificates, "tls with client_ca");
  const auto memory = server.find("max_memory");
  if (memory != server.end() && settings.memory_bytes_max > 0 &&
      settings.memory_bytes_max < settings.limits.message_bytes_max) {
    warn(memory->second,
         "server.max_memory is less than server.max_message: a message of that length would end its "
         "connection");
  }
  const auto cpus = server.find("worker_cpus");
  if (cpus != server.end() && !has_one_of(settings.worker_cpus)) {
    warn(cpus->second, "server.worker_cpus names no CPU that this machine has; workers run on all");
  }
  return doubts;
}

}  // namespace sluice::daemon
