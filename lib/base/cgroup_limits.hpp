// Control group limits of this process (cgroup v1 and v2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::core {

// The smallest limit between the process's own group and the hierarchy's root. Absent: no limit.
struct CgroupLimits {
  std::optional<double> processors{};           // CPU time per second of real time, for example 0.5
  std::optional<std::uint64_t> memory_bytes{};  // hard limits, and v2's memory.high
};

// Reads /proc/self/cgroup, /proc/self/mountinfo and the groups' files. `root` is put before each path, for
// tests. Unreadable files count as no limit. Any thread; blocks as long as the file system does.
CgroupLimits read_cgroup_limits(const std::string& root = {});

}  // namespace sluice::core
