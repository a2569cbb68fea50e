#include "lib/observe/process_stats.hpp"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <sys/resource.h>
#include <unistd.h>

namespace sluice::core {
namespace {

std::optional<double> clock_seconds(clockid_t clock) {
  constexpr double kNanosPerSecond = 1e9;
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) return std::nullopt;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / kNanosPerSecond;
}

// Time of the system's boot, in seconds since the epoch. Computed from the clocks, since a service with
// ProcSubset=pid can't read /proc/stat. Computed once, so that start times are the same in each scrape.
std::optional<double> boot_time() {
  static const std::optional<double> time = [] {
    const auto now = clock_seconds(CLOCK_REALTIME);
    const auto since_boot = clock_seconds(CLOCK_BOOTTIME);
    return now && since_boot ? std::optional(*now - *since_boot) : std::nullopt;
  }();
  return time;
}

// Fields of /proc/self/stat from the third on (see proc(5)); the second, the name, may hold anything.
void read_stat(const std::string& proc, ProcessStats& stats) {
  std::ifstream file(proc + "/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return;
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0, system = 0, threads = 0, start = 0, virtual_bytes = 0, pages = 0;
  fields >> user >> system;
  for (int field = 16; field < 20; ++field) fields >> skipped;
  fields >> threads >> skipped >> start >> virtual_bytes >> pages;
  if (!fields) return;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  stats.threads = threads;
  stats.virtual_bytes = virtual_bytes;
  stats.cpu_seconds = (user + system) / ticks;
  if (const auto boot = boot_time()) stats.start_time_seconds = *boot + start / ticks;
  stats.resident_bytes = pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

// Works without /proc as well.
void read_cpu_time(ProcessStats& stats) {
  constexpr double kMicrosPerSecond = 1e6;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / kMicrosPerSecond;
  };
  stats.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void count_descriptors(const std::string& proc, ProcessStats& stats) {
  std::error_code error;
  std::filesystem::directory_iterator entry(proc + "/self/fd", error);
  if (error) return;
  double count = 0;
  for (const std::filesystem::directory_iterator end; !error && entry != end; entry.increment(error)) {
    count += 1;
  }
  // The directory itself was open while it was read.
  if (!error && count > 0) stats.open_descriptors = count - 1;
}

}  // namespace

ProcessStats read_process_stats(const std::string& proc) {
  ProcessStats stats;
  read_stat(proc, stats);
  if (!stats.cpu_seconds) read_cpu_time(stats);
  count_descriptors(proc, stats);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.max_descriptors = static_cast<double>(limit.rlim_cur);
  return stats;
}

}  // namespace sluice::core
