#include "daemon/config/exposure.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/config/address.hpp"
#include "lib/observe/log.hpp"
#include "lib/transport/listen/listener_rules.hpp"

namespace sluice::daemon {

namespace {

bool exposed(const std::string& address) {
  const auto parsed = parse_listen_address(address);
  return parsed && !is_local(*parsed);
}

}  // namespace

std::vector<ConfigError> exposure_warnings(const core::Settings& settings, const std::string& file,
                                           std::optional<SourceLocation> unlimited_anonymous,
                                           std::optional<SourceLocation> admin) {
  std::vector<ConfigError> warnings;
  const auto warn = [&](std::optional<SourceLocation> where, std::string message) {
    if (where) warnings.push_back({file, where->line, where->column, std::move(message)});
  };
  const auto listener = std::ranges::find_if(settings.listeners, core::serves_other_machines);
  if (listener != settings.listeners.end()) {
    warn(unlimited_anonymous,
         fmt::format("client anonymous has no methods: every client that reaches {} may call everything; "
                     "methods = [\"*\"] says that it is meant",
                     core::printable(listener->address)));
  }
  if (exposed(settings.admin_address)) {
    warn(admin, fmt::format("admin.address = \"{}\" can be reached from other machines: every client that "
                            "connects can read the metrics",
                            core::printable(settings.admin_address)));
  }
  return warnings;
}

}  // namespace sluice::daemon
