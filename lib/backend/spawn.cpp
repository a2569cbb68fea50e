#include "lib/backend/spawn.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <optional>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/backend/child_groups.hpp"
#include "lib/backend/find_program.hpp"
#include "lib/base/close_descriptors.hpp"
#include "lib/base/error_text.hpp"

namespace sluice::core {
namespace {

constexpr int kErrorDescriptor = 3;     // in the child, where it reports that it could not begin
constexpr int kTryMilliseconds = 5000;  // for a process that only tries
constexpr int kReapMilliseconds = 200;  // for a process that was killed to be gone
constexpr rlim_t kUnknownLimit = RLIM_INFINITY - 1;

// What set_child_descriptor_limit() said.
std::atomic<rlim_t> descriptor_limit{kUnknownLimit};

// Everything that the child needs between fork() and exec(), where nothing may be allocated.
struct Prepared {
  std::vector<std::string> programs;  // the first that can be run is
  std::vector<std::string> environment;
  std::vector<char*> arguments;
  std::vector<char*> environment_pointers;
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

Prepared prepare(const ChildSettings& settings, const std::optional<ChildUser>& user) {
  Prepared prepared;
  prepared.environment = environment_of(settings, user ? &*user : nullptr);
  prepared.programs = program_candidates(settings, prepared.environment);
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
  InterpreterName interpreter{};
};
static_assert(sizeof(ChildReport) <= 512);  // written at once: a pipe takes so much whole

constexpr std::array<std::string_view, 6> kStages = {"pipes", "session",   "limits",
                                                     "user",  "directory", "program"};

[[noreturn]] void give_up(ChildReport report) {
  static_cast<void>(!::write(kErrorDescriptor, &report, sizeof report));
  ::_exit(127);
}

[[noreturn]] void give_up(int stage) { give_up(ChildReport{stage, errno, {}}); }

void limit(int resource, rlim_t value) {
  const rlimit wanted{value, value};
  if (::setrlimit(static_cast<__rlimit_resource>(resource), &wanted) != 0) give_up(2);
}

// A limit that can't be lowered is the one that the server has, which harms nothing.
void restore_descriptor_limit(rlim_t soft) {
  rlimit now{};
  if (soft == kUnknownLimit || ::getrlimit(RLIMIT_NOFILE, &now) != 0) return;
  now.rlim_cur = std::min(soft, now.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &now);
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
  close_descriptors_from(kErrorDescriptor + 1);
}

// As execvp() does it, but for scripts without an interpreter, which it would hand to a shell.
[[noreturn]] void run_program(const Prepared& prepared) {
  ChildReport report{static_cast<int>(kStages.size()) - 1, ENOENT, {}};
  for (const std::string& file : prepared.programs) {
    ::execve(file.c_str(), prepared.arguments.data(), prepared.environment_pointers.data());
    const int error = errno;
    const bool is_absent = error == ENOENT || error == ENOTDIR;
    // What is there and yet not found is its interpreter.
    if (error == ENOENT && report.interpreter[0] == '\0') read_interpreter(file.c_str(), report.interpreter);
    if (is_absent && prepared.programs.size() > 1) continue;
    report.error = error;
    if (!is_absent && error != EACCES) break;
  }
  if (report.error != ENOENT) report.interpreter[0] = '\0';
  give_up(report);
}

// What run_program() asks of the system, but for running it.
[[noreturn]] void try_program(const Prepared& prepared) {
  ChildReport report{static_cast<int>(kStages.size()) - 1, ENOENT, {}};
  for (const std::string& file : prepared.programs) {
    if (::faccessat(AT_FDCWD, file.c_str(), X_OK, AT_EACCESS) == 0) ::_exit(0);
    if (errno == EACCES || prepared.programs.size() == 1) report.error = errno;
  }
  give_up(report);
}

[[noreturn]] void become(const Prepared& prepared, const ChildSettings& settings, const ChildUser* user,
                         pid_t parent, bool only_try) {
  // A session's leader, and so its group's: it can't move to another group, where it would not be found.
  if (::setsid() < 0) give_up(1);
  reset_signals();
  restore_descriptor_limit(descriptor_limit.load(std::memory_order_relaxed));
  if (settings.memory_bytes_max > 0) limit(RLIMIT_AS, settings.memory_bytes_max);
  if (settings.cpu_time_max.count() > 0) {
    limit(RLIMIT_CPU, static_cast<rlim_t>(settings.cpu_time_max.count()));
  }
  if (user != nullptr && (::setgroups(user->groups.size(), user->groups.data()) != 0 ||
                          ::setgid(user->group) != 0 || ::setuid(user->id) != 0)) {
    give_up(3);
  }
  // After the change of user, which would undo it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  if (!settings.directory.empty() && ::chdir(settings.directory.c_str()) != 0) give_up(4);
  only_try ? try_program(prepared) : run_program(prepared);
}

void make_non_blocking(const Descriptor& descriptor) {
  ::fcntl(descriptor.get(), F_SETFL, ::fcntl(descriptor.get(), F_GETFL) | O_NONBLOCK);
}

ChildFailure describe(const ChildReport& report, const ChildSettings& settings) {
  const auto stage = static_cast<std::size_t>(report.stage);
  if (stage + 1 < kStages.size()) {
    const bool directory = kStages.at(stage) == "directory";
    return {because(directory ? std::string_view(settings.directory) : kStages.at(stage), report.error)};
  }
  return {program_error(settings.command.front(), report.interpreter.data(), report.error)};
}

}  // namespace

void set_child_descriptor_limit(std::uint64_t soft) {
  descriptor_limit.store(soft, std::memory_order_relaxed);
}

Result<ForkedChild, ChildFailure> fork_child(const ChildSettings& settings,
                                             const std::optional<ChildUser>& user, bool only_try) {
  const Prepared prepared = prepare(settings, user);
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
    become(prepared, settings, user ? &*user : nullptr, parent, only_try);
  }
  note_child_group(pid);
  ForkedChild child;
  SpawnedChild& process = child.process;
  process.pid = pid;
  process.exit = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process.exit) {
    const int error = errno;
    kill_group(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
    forget_child_group(pid);
    return ChildFailure{because("pidfd_open", error)};
  }
  process.input = std::move(input->write);
  process.output = std::move(output->read);
  process.errors = std::move(errors->read);
  child.report = std::move(report->read);
  for (const Descriptor* each : {&process.input, &process.output, &process.errors, &child.report}) {
    make_non_blocking(*each);
  }
  return child;
}

Report read_report(const Descriptor& descriptor, const ChildSettings& settings) {
  ChildReport report;
  ssize_t got = 0;
  do {
    got = ::read(descriptor.get(), &report, sizeof report);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return {ReportState::begun, {}, false};
  if (got < 0 && errno == EAGAIN) return {};
  if (got != sizeof report) return {ReportState::failed, {"it could not be set up"}, false};
  report.interpreter.back() = '\0';
  const bool in_directory = kStages.at(static_cast<std::size_t>(report.stage)) == "directory";
  return {ReportState::failed, describe(report, settings), in_directory};
}

Result<void, ProgramProblem> check_start(const ChildSettings& settings) {
  if (auto checked = check_program(settings); !checked) return checked;
  if (settings.user.empty() || ::geteuid() != 0) return success();
  auto user = find_child_user(settings.user);
  if (!user) return success();
  const auto forked = fork_child(settings, std::move(user).value(), true);
  if (!forked) return success();
  const ForkedChild& child = forked.value();
  pollfd reported{child.report.get(), POLLIN, 0};
  while (::poll(&reported, 1, kTryMilliseconds) < 0 && errno == EINTR) continue;
  const Report report = read_report(child.report, settings);
  kill_and_reap(child.process);
  if (report.state != ReportState::failed) return success();
  using Setting = ProgramProblem::Setting;
  return ProgramProblem{report.in_directory ? Setting::directory : Setting::command,
                        report.failure.what + " as user " + settings.user};
}

void kill_group(pid_t leader, int signal) {
  ::kill(-leader, signal);
  ::kill(leader, signal);
}

void kill_and_reap(const SpawnedChild& process) {
  kill_group(process.pid, SIGKILL);
  pollfd ended{process.exit.get(), POLLIN, 0};
  while (::poll(&ended, 1, kReapMilliseconds) < 0 && errno == EINTR) continue;
  reap(process);
}

std::optional<ChildEnd> reap(const SpawnedChild& process) {
  const auto id = static_cast<id_t>(process.exit.get());
  siginfo_t info{};
  // Its group is killed while its number can't be another's.
  if (::waitid(P_PIDFD, id, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
    // Other code has reaped it: from here on its number may be another's.
    forget_child_group(process.pid);
    return ChildEnd{"unknown", false};
  }
  if (info.si_pid == 0) return std::nullopt;
  kill_group(process.pid, SIGKILL);
  ::waitid(P_PIDFD, id, &info, WEXITED | WNOHANG);
  forget_child_group(process.pid);
  if (info.si_code == CLD_EXITED) {
    return ChildEnd{"exit code " + std::to_string(info.si_status), info.si_status == 0};
  }
  const char* const name = ::strsignal(info.si_status);
  return ChildEnd{"signal " + std::to_string(info.si_status) + " (" + (name != nullptr ? name : "?") + ")",
                  false};
}

}  // namespace sluice::core
