#include "lib/server/descriptor_budget.hpp"

#include <algorithm>
#include <limits>

#include <fcntl.h>
#include <sys/resource.h>

namespace sluice::core {
namespace {

// Of one child: its stdin, stdout and stderr, and its pidfd. While it is started: the other ends of the pipes
// and the pipe that reports the start.
constexpr std::size_t kChildDescriptors = 4;
constexpr std::size_t kStartDescriptors = 5;
// Of a watched program: inotify, once for the loop and once for the thread that looks, and its report.
constexpr std::size_t kWatchDescriptors = 3;
// Higher numbers are not counted: the system always takes the lowest free number.
constexpr std::size_t kCountedMax = 4096;

}  // namespace

std::size_t backend_descriptors(const Settings& settings) {
  std::size_t needed = 0;
  for (const BackendSettings& backend : settings.backends) {
    if (backend.child) needed += backend.child->instances * kChildDescriptors + kStartDescriptors;
    if (backend.child && backend.child->watch) needed += kWatchDescriptors;
    // One for an attempt, besides its connections.
    if (backend.upstream) needed += backend.upstream->urls.size() * (backend.upstream->connections + 1);
  }
  return needed;
}

std::size_t connections_within(const Settings& settings, std::size_t limit, std::size_t open) {
  const std::size_t own = open + kDescriptorReserve + backend_descriptors(settings);
  const std::size_t left = limit > own ? limit - own : 1;
  return std::min(settings.max_connections, left);
}

Descriptors count_descriptors() {
  Descriptors count;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = RLIM_INFINITY;
  count.limit =
      static_cast<std::size_t>(std::min<rlim_t>(limit.rlim_cur, std::numeric_limits<std::size_t>::max()));
  for (std::size_t number = 0; number < std::min(count.limit, kCountedMax); ++number) {
    count.open += ::fcntl(static_cast<int>(number), F_GETFD) != -1 ? 1 : 0;
  }
  return count;
}

}  // namespace sluice::core
