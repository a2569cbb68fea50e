#include "lib/base/machine_memory.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

#include <sys/sysinfo.h>

#include "lib/base/cgroup_limits.hpp"

namespace sluice::core {

std::size_t available_memory() {
  std::uint64_t bytes = std::numeric_limits<std::size_t>::max();
  // Not /proc/meminfo, which a service with ProcSubset=pid can't read.
  struct sysinfo machine {};
  if (::sysinfo(&machine) == 0) bytes = std::uint64_t{machine.totalram} * machine.mem_unit;
  if (const auto limit = read_cgroup_limits().memory_bytes) bytes = std::min(bytes, *limit);
  return static_cast<std::size_t>(std::max<std::uint64_t>(1, bytes));
}

std::size_t default_memory_max() { return std::max<std::size_t>(1, available_memory() / 4 * 3); }

}  // namespace sluice::core
