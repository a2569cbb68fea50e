#include "lib/backend/find_program.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

extern char** environ;

#include "lib/base/error_text.hpp"

namespace sluice::core {
namespace {

constexpr std::string_view kUsualPath = "/usr/local/bin:/usr/bin:/bin";
constexpr int kInterpretersMax = 5;  // of scripts whose interpreter is a script; as in the kernel

// What a service manager said to this process is not for its children.
bool is_own(std::string_view name) {
  if (name.starts_with("LISTEN_") || name.starts_with("WATCHDOG_")) return true;
  constexpr std::string_view kOwn[] = {
      "NOTIFY_SOCKET",        "MAINPID", "MANAGERPID", "INVOCATION_ID",         "SYSTEMD_EXEC_PID",
      "JOURNAL_STREAM",       "PIDFILE", "FDSTORE",    "MEMORY_PRESSURE_WATCH", "MANAGERPIDFDID",
      "MEMORY_PRESSURE_WRITE"};
  return std::ranges::find(kOwn, name) != std::end(kOwn);
}

// What is true of the server's own user and session only.
bool is_users(std::string_view name) {
  if (name.starts_with("XDG_") || name.starts_with("SUDO_")) return true;
  constexpr std::string_view kUsers[] = {
      "HOME", "USER", "LOGNAME", "MAIL", "SHELL", "DBUS_SESSION_BUS_ADDRESS", "SSH_AUTH_SOCK"};
  return std::ranges::find(kUsers, name) != std::end(kUsers);
}

// The server's folder is not the child's, and a shell would use it.
bool is_folder(std::string_view name) { return name == "PWD" || name == "OLDPWD"; }

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

// One of errno's, 0 where it can be executed as far as its kind and mode say.
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

// The first bytes of a file; empty where it can't be read, which one that can be run need not be.
std::string first_bytes(const char* file) {
  std::string bytes(kInterpreterBytesMax, '\0');
  const int fd = ::open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return {};
  const ssize_t got = ::read(fd, bytes.data(), bytes.size());
  ::close(fd);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

// Whether the system has been given programs for other formats, which may include this one.
bool other_formats_run() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/sys/fs/binfmt_misc", error)) {
    const std::string name = entry.path().filename().string();
    if (name != "register" && name != "status") return true;
  }
  return false;
}

// The words of a `#!` line: the interpreter, and what env is to run. A carriage return is part of a name, as
// for the kernel.
std::vector<std::string> interpreter_words(std::string_view head) {
  std::vector<std::string> words;
  if (!head.starts_with("#!")) return words;
  head = head.substr(2, head.find('\n') - 2);
  while (true) {
    head.remove_prefix(std::min(head.find_first_not_of(" \t"), head.size()));
    if (head.empty()) return words;
    const std::size_t end = std::min(head.find_first_of(" \t"), head.size());
    words.emplace_back(head.substr(0, end));
    head.remove_prefix(end);
  }
}

FoundProgram find(const ChildSettings& settings, const std::vector<std::string>& environment, int scripts);

// Why what is in the file can't be run, though its mode says it can. `scripts` have led to it.
FoundProgram look_inside(const std::string& file, const std::string& folder, std::string_view path,
                         int scripts) {
  // Interpreters that env finds may be scripts that name each other, or themselves.
  if (scripts > kInterpretersMax) return {file, ELOOP, {}};
  std::string current = from_here(file, folder);
  for (int depth = 0; depth < kInterpretersMax; ++depth) {
    const std::string head = first_bytes(current.c_str());
    const bool is_readable = ::access(current.c_str(), R_OK) == 0;
    if (head.starts_with("\x7f"
                         "ELF") ||
        !is_readable)
      return {file, 0, {}};
    const auto words = interpreter_words(head);
    if (words.empty()) return {file, other_formats_run() ? 0 : ENOEXEC, {}};
    current = from_here(words.front(), folder);
    if (const int error = why_not_executable(current)) return {file, error, words.front()};
    // Which is how most scripts name their interpreter: one that env does not find it can't run.
    const bool by_env = words.front().ends_with("/env") && words.size() > 1;
    if (by_env && words[1].find_first_of("-=/") != 0 && words[1].find('=') == std::string::npos) {
      ChildSettings named;
      named.command = {words[1]};
      named.directory = folder;
      const int error = find(named, {"PATH=" + std::string(path)}, scripts + 1).error;
      return {file, error, error == 0 ? std::string() : words[1]};
    }
  }
  return {file, 0, {}};
}

FoundProgram find(const ChildSettings& settings, const std::vector<std::string>& environment, int scripts) {
  const auto candidates = program_candidates(settings, environment);
  int error = ENOENT;
  for (const std::string& candidate : candidates) {
    const int failure = why_not_executable(from_here(candidate, settings.directory));
    if (failure == 0) return look_inside(candidate, settings.directory, path_of(environment), scripts);
    if (failure == EACCES || candidates.size() == 1) error = failure;
  }
  return {settings.command.front(), error, {}};
}

std::string version_of(const std::string& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return "-\n";
  std::string version;
  for (const auto part :
       {static_cast<long long>(status.st_dev), static_cast<long long>(status.st_ino),
        static_cast<long long>(status.st_size), static_cast<long long>(status.st_mtim.tv_sec),
        static_cast<long long>(status.st_mtim.tv_nsec)}) {
    version += std::to_string(part) + ' ';
  }
  return version + '\n';
}

}  // namespace

std::vector<std::string> environment_of(const ChildSettings& settings, const ChildUser* user) {
  std::vector<std::string> variables;
  const auto passes = [&](std::string_view name) {
    if (settings.environment_cleared) return name == "PATH";
    return !is_own(name) && !is_folder(name) && (user == nullptr || !is_users(name));
  };
  const auto add = [&](const std::string& name, std::string_view value) {
    if (!settings.environment.contains(name)) variables.push_back(name + "=" + std::string(value));
  };
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view variable = *each;
    const std::size_t end = std::min(variable.find('='), variable.size());
    const std::string name(variable.substr(0, end));
    if (passes(name) && end < variable.size()) add(name, variable.substr(end + 1));
  }
  if (user != nullptr) {
    add("HOME", user->home);
    add("USER", user->name);
    add("LOGNAME", user->name);
    add("SHELL", user->shell);
  }
  for (const auto& [name, value] : settings.environment) variables.push_back(name + "=" + value);
  return variables;
}

std::vector<std::string> program_candidates(const ChildSettings& settings,
                                            const std::vector<std::string>& environment) {
  const std::string& name = settings.command.front();
  if (name.find('/') != std::string::npos) return {name};
  std::vector<std::string> candidates;
  // An empty part, also after the last colon, is the folder that one is in.
  for (std::string_view path = path_of(environment);;) {
    const std::string_view folder = path.substr(0, path.find(':'));
    candidates.push_back(std::string(folder.empty() ? "." : folder) + "/" + name);
    if (folder.size() == path.size()) return candidates;
    path.remove_prefix(folder.size() + 1);
  }
}

FoundProgram find_program(const ChildSettings& settings, const std::vector<std::string>& environment) {
  return find(settings, environment, 0);
}

void read_interpreter(const char* file, InterpreterName& name) {
  name[0] = '\0';
  const int fd = ::open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return;
  InterpreterName head{};
  const ssize_t got = ::read(fd, head.data(), head.size() - 1);
  ::close(fd);
  if (got < 3 || head[0] != '#' || head[1] != '!') return;
  std::size_t at = 2;
  while (head[at] == ' ' || head[at] == '\t') ++at;
  std::size_t length = 0;
  for (; head[at] != '\0' && head[at] != '\n' && head[at] != ' ' && head[at] != '\t'; ++at) {
    name[length++] = head[at];
  }
  name[length] = '\0';
}

std::string program_error(const std::string& program, const std::string& interpreter, int error) {
  if (interpreter.empty()) return because(program, error);
  return program + ": its interpreter " + because(interpreter, error);
}

Result<void, ProgramProblem> check_program(const ChildSettings& settings) {
  using Setting = ProgramProblem::Setting;
  if (!settings.user.empty()) {
    const auto user = find_child_user(settings.user);
    if (!user) return ProgramProblem{Setting::user, user.error().what};
  }
  if (!settings.directory.empty()) {
    const int error = why_no_folder(settings.directory);
    if (error != 0) return ProgramProblem{Setting::directory, because(settings.directory, error)};
  }
  const FoundProgram found = find_program(settings, environment_of(settings));
  if (found.error == 0) return success();
  return ProgramProblem{Setting::command,
                        program_error(settings.command.front(), found.interpreter, found.error)};
}

std::vector<std::string> program_files(const ChildSettings& settings) {
  const FoundProgram found = find_program(settings, environment_of(settings));
  std::vector<std::string> files = {from_here(found.name, settings.directory)};
  for (std::size_t i = 1; i < settings.command.size(); ++i)
    files.push_back(from_here(settings.command[i], settings.directory));
  std::erase_if(files, [](const std::string& file) {
    struct stat status {};
    return ::stat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode);
  });
  return files;
}

std::string program_version(const ChildSettings& settings) {
  const FoundProgram found = find_program(settings, environment_of(settings));
  std::string version = version_of(from_here(found.name, settings.directory));
  for (std::size_t i = 1; i < settings.command.size(); ++i) {
    version += version_of(from_here(settings.command[i], settings.directory));
  }
  return version;
}

}  // namespace sluice::core
