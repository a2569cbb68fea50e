// The configuration file: TOML text to settings, with every mistake told by its position.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/config_precheck.hpp"
#include "lib/server/settings.hpp"
#include "proto/limits.hpp"

namespace sluice::daemon {

inline constexpr std::size_t kConfigBytesMax = proto::kMiB;

// More than anybody reads at once; what comes after them is only counted.
inline constexpr std::size_t kConfigErrorsMax = 100;

// What is wrong at one place, and what is allowed there.
struct ConfigError {
  std::string file;
  std::size_t line = 0;    // from 1; 0 where the file as a whole is meant
  std::size_t column = 0;  // from 1
  std::string message;

  // `FILE:LINE:COL: message`, on one line.
  std::string text() const;
  // The same for what is allowed all the same: `FILE:LINE:COL: warning: message`.
  std::string warning_text() const;
};

// A listener's TLS, and where in the file its own files are named.
struct TlsFiles {
  core::TlsSettings settings;
  TextPlace certificate;
  TextPlace key;
  TextPlace client_ca;
};

// A backend, and where in the file its own files are named.
struct BackendPlaces {
  core::BackendSettings settings;
  TextPlace module;
  TextPlace ca;
  TextPlace command;
  TextPlace directory;
  TextPlace user;
  TextPlace headers;
  TextPlace password_file;
};

struct LoadedConfig {
  core::Settings settings;              // meant to be used only where there are no errors
  std::vector<ConfigError> errors;      // in the order of the file
  std::vector<ConfigError> warnings;    // what is allowed and may not be meant
  std::vector<TlsFiles> tls_files;      // to be looked into
  std::vector<BackendPlaces> backends;  // the same

  bool ok() const { return errors.empty(); }
};

// Reads the text of a configuration; `file` is its name for messages. Keys that are absent keep their
// defaults, so that empty text is all defaults. Files that it names are not looked into.
LoadedConfig parse_config(std::string_view text, const std::string& file);

// Reads the file at that path, and the certificates and modules it names. A file that can't be read is one
// error without a line. Takes a few seconds at most: a pipe that nobody writes to is given up.
//
// With `running`, the programs of child processes are looked for as well, but for backends that are as they
// are there. The start of the daemon goes without: it tries again and again, and they may come later.
LoadedConfig load_config(const std::string& file,
                         const std::vector<core::BackendSettings>* running = nullptr);

// The same for a file that is read again while `running` is in force. What can't have been meant is an error:
// a file that is no regular file (a pipe holds nothing any more), that changes while it is read, or that
// holds no settings, and the loss of what protects the listeners, see lost_protection().
LoadedConfig reload_config(const std::string& file, const core::Settings& running);

}  // namespace sluice::daemon
