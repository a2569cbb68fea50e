// Which file a child process is to run, and in which surroundings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/server/settings.hpp"

namespace sluice::core {

// The server's own environment, without what its service manager told it alone, and the settings'.
std::vector<std::string> environment_of(const ChildSettings& settings);

struct FoundProgram {
  std::string name;  // as execve() takes it in the child's folder
  int error = 0;     // of errno's: why it can't be run; 0: it can
};

// As execvp() would find it in that environment, for who has the server's rights.
FoundProgram find_program(const ChildSettings& settings, const std::vector<std::string>& environment);

// Why a child could not be started, as far as can be told without starting it, and which setting is to be
// changed.
struct ProgramProblem {
  enum class Setting : std::uint8_t { command, directory };
  Setting setting = Setting::command;
  std::string what;  // "python9: No such file or directory"
};
std::optional<ProgramProblem> check_program(const ChildSettings& settings);

}  // namespace sluice::core
