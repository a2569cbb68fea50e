// Checks of [[backend]] entries beyond the form of their values.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/precheck.hpp"
#include "lib/server/settings.hpp"

namespace sluice::daemon {

// Methods as they stand in the file.
struct BackendMethods {
  std::vector<std::string> patterns;
  bool discover = false;
};

// One entry as it was read, and where its parts stand in the file.
struct BackendEntry {
  core::BackendSettings settings;  // without what belongs to its kind
  core::ChildSettings child;
  core::UpstreamSettings upstream;
  std::size_t concurrency = 0;  // 0: not given
  std::string user;             // a process's or an upstream's
  BackendMethods methods;
  SourceLocation where;
  std::map<std::string, SourceLocation, std::less<>> keys;  // all that were given, also those that don't fit
};

struct BackendProblem {
  SourceLocation where;
  std::string message;
};

// Errors: an entry without a name or with one already used, of no kind or of several, with keys of another
// kind, without methods or with those of another entry. Pure.
std::vector<BackendProblem> backend_problems(const std::vector<BackendEntry>& entries);

// Warnings about settings that have no effect: retries of no method, a prefix of no method. Pure.
std::vector<BackendProblem> backend_doubts(const std::vector<BackendEntry>& entries);

// The settings that the entry means. Names of files that are not absolute start from the folder of the
// configuration file.
core::BackendSettings backend_of(BackendEntry entry, const std::string& config_file);

}  // namespace sluice::daemon
