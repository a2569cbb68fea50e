#include "lib/backend/child_program.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/backend/find_program.hpp"

namespace sluice::core {
namespace {

constexpr int kErrorDescriptor = 3;  // in the child, where it tells that it could not begin
constexpr std::size_t kUserGroupsMax = 256;

std::string because(std::string_view what, int error) {
  return std::string(what) + ": " + std::strerror(error);
}

struct User {
  uid_t id = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;
};

// Everything that the child needs between fork() and exec(), where nothing may be allocated.
struct Prepared {
  std::string program;
  std::vector<std::string> environment;
  std::vector<char*> arguments;
  std::vector<char*> environment_pointers;
  std::optional<User> user;
};

struct Pipe {
  Descriptor read;
  Descriptor write;
};

std::optional<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

std::variant<User, ChildFailure> find_user(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::string buffer(16 * 1024, '\0');
  const int error = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    return ChildFailure{error == 0 ? "there is no user " + name : because("user " + name, error)};
  }
  User user{entry.pw_uid, entry.pw_gid, std::vector<gid_t>(kUserGroupsMax)};
  int count = static_cast<int>(kUserGroupsMax);
  if (::getgrouplist(name.c_str(), entry.pw_gid, user.groups.data(), &count) < 0) count = kUserGroupsMax;
  user.groups.resize(static_cast<std::size_t>(count));
  return user;
}

std::variant<Prepared, ChildFailure> prepare(const ChildSettings& settings) {
  Prepared prepared;
  if (!settings.user.empty()) {
    auto user = find_user(settings.user);
    if (auto* failure = std::get_if<ChildFailure>(&user)) return std::move(*failure);
    prepared.user = std::get<User>(std::move(user));
  }
  prepared.environment = environment_of(settings);
  prepared.program = find_program(settings, prepared.environment).name;
  for (const std::string& argument : settings.command) {
    prepared.arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  prepared.arguments.push_back(nullptr);
  for (std::string& variable : prepared.environment) prepared.environment_pointers.push_back(variable.data());
  prepared.environment_pointers.push_back(nullptr);
  return prepared;
}

// From here to exec() this is the child: only what is async-signal-safe.

struct ChildReport {
  int stage = 0;
  int error = 0;
};
constexpr std::array<std::string_view, 6> kStages = {"pipes", "session",   "limits",
                                                     "user",  "directory", "program"};

[[noreturn]] void give_up(int stage) {
  const ChildReport report{stage, errno};
  static_cast<void>(!::write(kErrorDescriptor, &report, sizeof report));
  ::_exit(127);
}

void limit(int resource, rlim_t value) {
  const rlimit wanted{value, value};
  if (::setrlimit(static_cast<__rlimit_resource>(resource), &wanted) != 0) give_up(2);
}

void reset_signals() {
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &plain, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// The pipes' ends may be any of 0 to 3 themselves: they are moved out of the way first.
void connect(int input, int output, int errors, int report) {
  std::array<int, 4> ends = {input, output, errors, report};
  for (int& end : ends) {
    end = ::fcntl(end, F_DUPFD_CLOEXEC, 10);
    if (end < 0) ::_exit(127);
  }
  if (::dup3(ends[3], kErrorDescriptor, O_CLOEXEC) < 0) ::_exit(127);
  for (int i = 0; i < 3; ++i) {
    if (::dup2(ends[static_cast<std::size_t>(i)], i) < 0) give_up(0);
  }
  // Whatever else this process had open, also what was not marked to be closed.
  ::syscall(SYS_close_range, kErrorDescriptor + 1, ~0U, 0);
}

[[noreturn]] void become(const Prepared& prepared, const ChildSettings& settings, pid_t parent) {
  // A session's leader, and so its group's: it can't move to another group, where it would not be found.
  if (::setsid() < 0) give_up(1);
  reset_signals();
  if (settings.memory_bytes_max > 0) limit(RLIMIT_AS, settings.memory_bytes_max);
  if (settings.cpu_time_max.count() > 0) {
    limit(RLIMIT_CPU, static_cast<rlim_t>(settings.cpu_time_max.count()));
  }
  if (prepared.user) {
    const User& user = *prepared.user;
    if (::setgroups(user.groups.size(), user.groups.data()) != 0 || ::setgid(user.group) != 0 ||
        ::setuid(user.id) != 0) {
      give_up(3);
    }
  }
  // After the change of user, which would undo it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  if (!settings.directory.empty() && ::chdir(settings.directory.c_str()) != 0) give_up(4);
  ::execve(prepared.program.c_str(), prepared.arguments.data(), prepared.environment_pointers.data());
  give_up(5);
}

// In the parent: nothing where the program has begun.
std::optional<ChildFailure> failure_of(int report_descriptor, pid_t pid, const ChildSettings& settings) {
  ChildReport report;
  ssize_t got = 0;
  do {
    got = ::read(report_descriptor, &report, sizeof report);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return std::nullopt;
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
  if (got != sizeof report) return ChildFailure{"it could not be set up"};
  const auto stage = static_cast<std::size_t>(report.stage);
  const bool program = stage + 1 == kStages.size();
  return ChildFailure{
      because(program ? std::string_view(settings.command.front()) : kStages.at(stage), report.error)};
}

void make_non_blocking(const Descriptor& descriptor) {
  ::fcntl(descriptor.get(), F_SETFL, ::fcntl(descriptor.get(), F_GETFL) | O_NONBLOCK);
}

}  // namespace

std::variant<ChildProcess, ChildFailure> start_child(const ChildSettings& settings) {
  auto ready = prepare(settings);
  if (auto* failure = std::get_if<ChildFailure>(&ready)) return std::move(*failure);
  const Prepared& prepared = std::get<Prepared>(ready);
  auto input = make_pipe();
  auto output = make_pipe();
  auto errors = make_pipe();
  auto report = make_pipe();
  if (!input || !output || !errors || !report) return ChildFailure{because("pipes", errno)};

  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return ChildFailure{because("fork", errno)};
  if (pid == 0) {
    connect(input->read.get(), output->write.get(), errors->write.get(), report->write.get());
    become(prepared, settings, parent);
  }
  report->write = Descriptor();
  if (auto failure = failure_of(report->read.get(), pid, settings)) return std::move(*failure);
  ChildProcess child;
  child.pid = pid;
  child.exit = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!child.exit) {
    const int error = errno;
    kill_group(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
    return ChildFailure{because("pidfd_open", error)};
  }
  child.input = std::move(input->write);
  child.output = std::move(output->read);
  child.errors = std::move(errors->read);
  for (const Descriptor* each : {&child.input, &child.output, &child.errors}) make_non_blocking(*each);
  return child;
}

void kill_group(pid_t leader, int signal) {
  ::kill(-leader, signal);
  ::kill(leader, signal);
}

void kill_and_reap(pid_t pid) {
  kill_group(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
}

std::optional<std::string> reap(pid_t pid) {
  siginfo_t info{};
  // Its group is killed while its number can't be another's.
  if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0) return "unknown";
  if (info.si_pid == 0) return std::nullopt;
  kill_group(pid, SIGKILL);
  ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG);
  if (info.si_code == CLD_EXITED) return "exit code " + std::to_string(info.si_status);
  const char* const name = ::strsignal(info.si_status);
  return "signal " + std::to_string(info.si_status) + " (" + (name != nullptr ? name : "?") + ")";
}

}  // namespace sluice::core
