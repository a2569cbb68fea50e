#include "daemon/config/tls.hpp"

#include <string_view>
#include <utility>

#include "lib/transport/tls/context.hpp"

namespace sluice::daemon {

namespace {

const SourceLocation& location_of(core::TlsProblem::Setting setting, const TlsFiles& files) {
  switch (setting) {
    case core::TlsProblem::Setting::certificate:
      return files.certificate;
    case core::TlsProblem::Setting::key:
      return files.key;
    case core::TlsProblem::Setting::client_ca:
      return files.client_ca;
  }
  return files.certificate;
}

}  // namespace

void resolve_paths(core::TlsSettings& tls, const std::string& config_file) {
  const std::size_t slash = config_file.rfind('/');
  if (slash == std::string::npos) return;  // from the working folder, as the file itself
  for (std::string* name : {&tls.certificate, &tls.key, &tls.client_ca}) {
    if (!name->empty() && !name->starts_with('/')) name->insert(0, config_file, 0, slash + 1);
  }
}

void check_tls_files(const std::string& config_file, LoadedConfig& loaded) {
  auto& errors = loaded.errors;
  for (const TlsFiles& files : loaded.tls_files) {
    const auto loaded_files = core::TlsContext::load(files.settings);
    if (loaded_files) continue;
    const core::TlsProblem& problem = loaded_files.error();
    const SourceLocation& location = location_of(problem.setting, files);
    errors.push_back({config_file, location.line, location.column,
                      "listen.tls." + core::describe(problem, files.settings)});
  }
}

}  // namespace sluice::daemon
