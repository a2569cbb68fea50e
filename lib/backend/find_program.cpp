#include "lib/backend/find_program.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

extern char** environ;

namespace sluice::core {
namespace {

constexpr std::string_view kUsualPath = "/usr/local/bin:/usr/bin:/bin";

// What a service manager told this process is not for its children.
bool is_own(std::string_view variable) {
  for (const std::string_view name : {"NOTIFY_SOCKET=", "LISTEN_FDS=", "LISTEN_PID=", "LISTEN_FDNAMES=",
                                      "WATCHDOG_USEC=", "WATCHDOG_PID=", "MAINPID="}) {
    if (variable.starts_with(name)) return true;
  }
  return false;
}

std::string_view path_of(const std::vector<std::string>& environment) {
  for (const std::string& variable : environment) {
    if (variable.starts_with("PATH=")) return std::string_view(variable).substr(5);
  }
  return kUsualPath;
}

// Where a name of the child's is for this process, which is in another folder.
std::string from_here(const std::string& name, const std::string& folder) {
  return folder.empty() || name.starts_with('/') ? name : folder + "/" + name;
}

// One of errno's, 0 where it can be executed.
int why_not_executable(const std::string& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return errno;
  if (!S_ISREG(status.st_mode)) return EACCES;
  return ::access(file.c_str(), X_OK) == 0 ? 0 : errno;
}

int why_no_folder(const std::string& name) {
  struct stat status {};
  if (::stat(name.c_str(), &status) != 0) return errno;
  return S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
}

std::string because(const std::string& what, int error) {
  return what + ": " + std::generic_category().message(error);
}

}  // namespace

std::vector<std::string> environment_of(const ChildSettings& settings) {
  std::vector<std::string> variables;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view variable = *each;
    const std::string name(variable.substr(0, variable.find('=')));
    if (!is_own(variable) && !settings.environment.contains(name)) variables.emplace_back(variable);
  }
  for (const auto& [name, value] : settings.environment) variables.push_back(name + "=" + value);
  return variables;
}

FoundProgram find_program(const ChildSettings& settings, const std::vector<std::string>& environment) {
  const std::string& name = settings.command.front();
  const auto look = [&settings](const std::string& file) {
    return why_not_executable(from_here(file, settings.directory));
  };
  if (name.find('/') != std::string::npos) return {name, look(name)};
  int error = ENOENT;
  // An empty part, also after the last colon, is the folder that one is in.
  for (std::string_view path = path_of(environment);;) {
    const std::string_view folder = path.substr(0, path.find(':'));
    std::string candidate = std::string(folder.empty() ? "." : folder) + "/" + name;
    const int failure = look(candidate);
    if (failure == 0) return {std::move(candidate), 0};
    if (failure == EACCES) error = EACCES;
    if (folder.size() == path.size()) return {name, error};
    path.remove_prefix(folder.size() + 1);
  }
}

std::optional<ProgramProblem> check_program(const ChildSettings& settings) {
  using Setting = ProgramProblem::Setting;
  if (!settings.directory.empty()) {
    const int error = why_no_folder(settings.directory);
    if (error != 0) return ProgramProblem{Setting::directory, because(settings.directory, error)};
  }
  const FoundProgram found = find_program(settings, environment_of(settings));
  if (found.error == 0) return std::nullopt;
  return ProgramProblem{Setting::command, because(settings.command.front(), found.error)};
}

}  // namespace sluice::core
