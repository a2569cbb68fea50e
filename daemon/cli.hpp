// The command line of sluiced.
#pragma once

#include <string>

#include "lib/base/result.hpp"

namespace sluice::daemon {

// Exit codes of the process.
inline constexpr int kExitStopped = 0;  // as asked
inline constexpr int kExitFailed = 1;   // by what the machine refuses, or at once by a second signal
inline constexpr int kExitUsage = 2;    // wrong arguments or configuration

struct CommandLine {
  std::string config_file;  // empty: the defaults
  bool demo = false;
  bool check = false;
};

// The parsed arguments, or the exit code: after --help and --version, which are answered on stdout, and after
// an error, which is named on stderr.
core::Result<CommandLine, int> parse_command_line(int argc, const char* const* argv);

}  // namespace sluice::daemon
