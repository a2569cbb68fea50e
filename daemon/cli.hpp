// The command line of sluiced.
#pragma once

#include <string>
#include <variant>

namespace sluice::daemon {

// What a process ends with.
inline constexpr int kExitStopped = 0;  // as asked
inline constexpr int kExitFailed = 1;   // by what the machine refuses, or at once by a second signal
inline constexpr int kExitUsage = 2;    // wrong arguments or configuration

struct CommandLine {
  std::string config_file;  // empty: the defaults
  bool demo = false;
  bool check = false;
};

// What is to be done, or the exit code where nothing is: --help and --version were answered on stdout, or
// a mistake was named on stderr.
std::variant<CommandLine, int> parse_command_line(int argc, const char* const* argv);

}  // namespace sluice::daemon
