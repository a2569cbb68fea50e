// Configuration as it was read: settings, and errors with their positions.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "daemon/config/precheck.hpp"
#include "lib/server/settings.hpp"
#include "proto/limits.hpp"

namespace sluice::daemon {

inline constexpr std::size_t kConfigBytesMax = proto::kMiB;

// More than a person reads at once; further errors are only counted.
inline constexpr std::size_t kConfigErrorsMax = 100;

// Problem at one position of the file, and what is allowed there.
struct ConfigError {
  std::string file;
  std::size_t line = 0;    // from 1; 0 where the file as a whole is meant
  std::size_t column = 0;  // from 1
  std::string message;

  // `FILE:LINE:COL: message`, on one line.
  std::string text() const;
  // A warning: `FILE:LINE:COL: warning: message`.
  std::string warning_text() const;
};

// A listener's TLS, and where in the file its own files are named.
struct TlsFiles {
  core::TlsSettings settings;
  SourceLocation certificate;
  SourceLocation key;
  SourceLocation client_ca;
};

// A backend, and where in the file its own files are named.
struct BackendLocations {
  core::BackendSettings settings;
  SourceLocation module;
  SourceLocation ca;
  SourceLocation command;
  SourceLocation directory;
  SourceLocation user;
  SourceLocation headers;
  SourceLocation password_file;
};

struct LoadedConfig {
  core::Settings settings;                 // meant to be used only where there are no errors
  std::vector<ConfigError> errors;         // in the order of the file
  std::vector<ConfigError> warnings;       // allowed, but probably unintended
  std::vector<TlsFiles> tls_files;         // to be checked
  std::vector<BackendLocations> backends;  // to be checked

  bool ok() const { return errors.empty(); }
};

}  // namespace sluice::daemon
