#include "daemon/config/secrets.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "lib/observe/log.hpp"

namespace sluice::daemon {

namespace {

// The users with too many rights to a secret of that mode; empty: none. A group may read root's files, since
// services keep their keys in /etc that way.
std::string_view too_many(const struct stat& status) {
  constexpr mode_t kModes = S_IRWXU | S_IRWXG | S_IRWXO;
  const mode_t mode = status.st_mode & kModes;
  if ((mode & (S_IROTH | S_IWOTH)) != 0) return "all users of this machine";
  if ((mode & S_IWGRP) != 0) return "its group";
  return (mode & S_IRGRP) != 0 && status.st_uid != 0 ? "its group" : "";
}

class Warnings {
 public:
  Warnings(const std::string& config_file, LoadedConfig& loaded) : file_(config_file), loaded_(loaded) {}

  void look_at(const std::string& path, SourceLocation where, const std::string& what) {
    struct stat status {};
    if (path.empty() || ::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
    const std::string_view who = too_many(status);
    if (who.empty()) return;
    constexpr unsigned kShownBits = 07777;
    loaded_.warnings.push_back({file_, where.line, where.column,
                                fmt::format("{} is open to {} (mode {:04o}); 0600 keeps it to its owner",
                                            what, who, status.st_mode & kShownBits)});
  }

 private:
  const std::string& file_;
  LoadedConfig& loaded_;
};

bool holds_header_values(const core::BackendSettings& backend) {
  return backend.upstream && std::ranges::any_of(backend.upstream->headers, [](const auto& header) {
           return !header.second.text.empty();
         });
}

}  // namespace

void warn_about_secrets(const std::string& config_file, LoadedConfig& loaded) {
  Warnings warnings(config_file, loaded);
  for (const TlsFiles& files : loaded.tls_files) {
    warnings.look_at(files.settings.key, files.key,
                     fmt::format("listen.tls.key = \"{}\"", core::printable(files.settings.key)));
  }
  for (const BackendLocations& backend : loaded.backends) {
    if (!backend.settings.upstream) continue;
    const core::UpstreamSettings& upstream = *backend.settings.upstream;
    warnings.look_at(upstream.password_file, backend.password_file,
                     fmt::format("backend.password_file = \"{}\"", core::printable(upstream.password_file)));
    for (const auto& [name, header] : upstream.headers) {
      warnings.look_at(header.file, backend.headers,
                       fmt::format("backend.headers.{} = \"{}\"", name, core::printable(header.file)));
    }
  }
  if (std::ranges::any_of(loaded.settings.backends, holds_header_values)) {
    warnings.look_at(config_file, {0, 0}, "the configuration, which holds headers for backends,");
  }
}

}  // namespace sluice::daemon
