#include "daemon/config/backend_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "lib/backend/module/module.hpp"
#include "lib/backend/spawn.hpp"
#include "lib/backend/upstream/authorities.hpp"
#include "lib/backend/upstream/secrets.hpp"
#include "lib/observe/log.hpp"

namespace sluice::daemon {

namespace {

void complain(LoadedConfig& loaded, const std::string& config_file, const SourceLocation& where,
              std::string message) {
  loaded.errors.push_back({config_file, where.line, where.column, std::move(message)});
}

std::pair<std::string_view, SourceLocation> setting_of(core::ProgramProblem::Setting setting,
                                                       const BackendLocations& backend) {
  switch (setting) {
    case core::ProgramProblem::Setting::directory:
      return {"working_directory", backend.directory};
    case core::ProgramProblem::Setting::user:
      return {"user", backend.user};
    default:
      return {"command", backend.command};
  }
}

// Messages do not show the files' contents.
void check_secrets(const std::string& config_file, const BackendLocations& backend, LoadedConfig& loaded) {
  const core::UpstreamSettings& upstream = *backend.settings.upstream;
  const auto read = core::read_upstream_headers(upstream);
  if (read) return;
  const core::SecretProblem& problem = read.error();
  const bool password = problem.key == "password_file";
  complain(loaded, config_file, password ? backend.password_file : backend.headers,
           fmt::format("backend.{} = \"{}\" {}", problem.key, core::printable(problem.file),
                       core::printable(problem.what)));
}

}  // namespace

void check_backend_files(const std::string& config_file, LoadedConfig& loaded) {
  for (const BackendLocations& backend : loaded.backends) {
    if (const std::string& file = backend.settings.module; !file.empty()) {
      const auto checked = core::check_module(file);
      if (checked) continue;
      complain(loaded, config_file, backend.module,
               fmt::format("backend.module: {} {}", core::printable(file), checked.error().what));
    }
    if (!backend.settings.upstream) continue;
    check_secrets(config_file, backend, loaded);
    if (backend.settings.upstream->ca.empty()) continue;
    const std::string& file = backend.settings.upstream->ca;
    const auto read = core::read_authorities(file);
    if (read) continue;
    complain(loaded, config_file, backend.ca,
             fmt::format("backend.ca = \"{}\" {}", core::printable(file), read.error().what));
  }
}

void check_programs(const std::string& config_file, const std::vector<core::BackendSettings>& running,
                    LoadedConfig& loaded) {
  for (const BackendLocations& backend : loaded.backends) {
    if (!backend.settings.child || std::ranges::find(running, backend.settings) != running.end()) continue;
    const auto checked = core::check_start(*backend.settings.child);
    if (checked) continue;
    const core::ProgramProblem& problem = checked.error();
    const auto [key, where] = setting_of(problem.setting, backend);
    complain(loaded, config_file, where,
             fmt::format("backend.{} can't be used: {}", key, core::printable(problem.what)));
  }
}

}  // namespace sluice::daemon
