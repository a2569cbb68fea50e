#include "lib/base/processors.hpp"

#include <algorithm>
#include <cmath>
#include <thread>

#include <sched.h>

#include "lib/base/cgroup_limits.hpp"

namespace sluice::core {
namespace {

std::size_t allowed_processors() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  // Fails on machines with more processors than the set can hold.
  if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    return static_cast<std::size_t>(std::max(1, CPU_COUNT(&allowed)));
  }
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

std::size_t processor_count() {
  const std::size_t allowed = allowed_processors();
  const std::optional<double> quota = read_cgroup_limits().processors;
  if (!quota || *quota >= static_cast<double>(allowed)) return allowed;
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(*quota)));
}

}  // namespace sluice::core
