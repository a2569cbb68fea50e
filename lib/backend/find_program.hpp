// Program search: the file that a child process runs, with its directory and environment.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/backend/backend_settings.hpp"
#include "lib/backend/child_user.hpp"
#include "lib/base/result.hpp"

namespace sluice::core {

// The server's own environment, without what its service manager said to it alone, and the settings'. For
// another user with that one's HOME, USER, LOGNAME and SHELL, as a service manager sets them.
std::vector<std::string> environment_of(const ChildSettings& settings, const ChildUser* user = nullptr);

// The files that may be meant, in the order in which execvp() would try them in that environment: as execve()
// takes them in the child's folder.
std::vector<std::string> program_candidates(const ChildSettings& settings,
                                            const std::vector<std::string>& environment);

struct FoundProgram {
  std::string name;         // as execve() takes it in the child's folder
  int error = 0;            // of errno's: why it can't be run; 0: it can
  std::string interpreter;  // the file of its `#!` line, where the error is that one's
};

// As execvp() would find it in that environment, for who has the server's rights. May wait for a disk or a
// network.
FoundProgram find_program(const ChildSettings& settings, const std::vector<std::string>& environment);

// The interpreter that the file's `#!` line names, with its end; empty without such a line.
// Async-signal-safe.
inline constexpr std::size_t kInterpreterBytesMax = 256;  // as in the kernel
using InterpreterName = std::array<char, kInterpreterBytesMax>;
void read_interpreter(const char* file, InterpreterName& name);

// "python9: No such file or directory", with the interpreter where the error is that one's.
std::string program_error(const std::string& program, const std::string& interpreter, int error);

// Why a child could not be started, as far as can be seen without starting it, and which setting is to be
// changed.
struct ProgramProblem {
  enum class Setting : std::uint8_t { command, directory, user };
  Setting setting = Setting::command;
  std::string what;  // "python9: No such file or directory"
};
Result<void, ProgramProblem> check_program(const ChildSettings& settings);

// Changes when the program's file does, or a file that one of its arguments names: its content or another
// file instead. Missing files count as well.
std::string program_version(const ChildSettings& settings);

// The program's file, if it is found, and the arguments that name existing regular files: as this process
// opens them. May wait for a disk or a network.
std::vector<std::string> program_files(const ChildSettings& settings);

}  // namespace sluice::core
