#include "lib/base/cgroup_limits.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <stdlib.h>

#include "lib/base/machine_memory.hpp"

namespace sluice::core {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

// A file system in which a process finds its control groups.
class Tree {
 public:
  Tree() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-cgroup-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder");
    root = pattern;
  }
  ~Tree() { std::filesystem::remove_all(root); }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root + path).parent_path());
    std::ofstream(root + path) << text << '\n';
  }
  CgroupLimits limits() const { return read_cgroup_limits(root); }

  std::string root;
};

// As a machine with cgroup v2 alone has it.
struct TreeV2 : Tree {
  explicit TreeV2(const std::string& group) {
    write("/proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw");
    write("/proc/self/cgroup", "0::" + group);
  }
};

// As a container has it with cgroup v1: its group on the host, which it sees at the mount's root.
struct TreeV1 : Tree {
  TreeV1(const std::string& mounted, const std::string& group) {
    write("/proc/self/mountinfo",
          "32 31 0:29 " + mounted + " /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" +
              "35 31 0:32 " + mounted + " /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
              "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw");
    write("/proc/self/cgroup", "8:memory:" + group + "\n7:cpu,cpuacct:" + group + "\n0::/");
  }
};

TEST_CASE("Control groups: where nothing limits, there is no limit") {
  const TreeV2 tree("/a");
  tree.write("/sys/fs/cgroup/a/cpu.max", "max 100000");
  tree.write("/sys/fs/cgroup/a/memory.max", "max");
  CHECK_FALSE(tree.limits().processors);
  CHECK_FALSE(tree.limits().memory_bytes);
  const Tree nothing;
  CHECK_FALSE(nothing.limits().processors);
  CHECK_FALSE(nothing.limits().memory_bytes);
}

TEST_CASE("Control groups: v2's quota and memory limit count") {
  const TreeV2 tree("/a");
  tree.write("/sys/fs/cgroup/a/cpu.max", "50000 100000");
  tree.write("/sys/fs/cgroup/a/memory.max", "104857600");
  CHECK(tree.limits().processors == 0.5);
  CHECK(tree.limits().memory_bytes == 100 * kMiB);
}

TEST_CASE("Control groups: memory.high, from which on a group is slowed down, is a limit as well") {
  const TreeV2 tree("/a");
  tree.write("/sys/fs/cgroup/a/memory.max", "104857600");
  tree.write("/sys/fs/cgroup/a/memory.high", "52428800");
  CHECK(tree.limits().memory_bytes == 50 * kMiB);
}

TEST_CASE("Control groups: of nested groups the smallest limit counts") {
  const TreeV2 tree("/system.slice/sluiced.service");
  tree.write("/sys/fs/cgroup/system.slice/sluiced.service/cpu.max", "400000 100000");
  tree.write("/sys/fs/cgroup/system.slice/cpu.max", "150000 100000");
  tree.write("/sys/fs/cgroup/system.slice/memory.max", "104857600");
  tree.write("/sys/fs/cgroup/system.slice/sluiced.service/memory.max", "max");
  CHECK(tree.limits().processors == 1.5);
  CHECK(tree.limits().memory_bytes == 100 * kMiB);
}

TEST_CASE("Control groups: in a cgroup namespace the root's own files count") {
  const TreeV2 tree("/");
  tree.write("/sys/fs/cgroup/cpu.max", "200000 100000");
  tree.write("/sys/fs/cgroup/memory.max", "104857600");
  CHECK(tree.limits().processors == 2.0);
  CHECK(tree.limits().memory_bytes == 100 * kMiB);
}

TEST_CASE("Control groups: v1's quota and memory limit count") {
  const TreeV1 tree("/", "/a/b");
  tree.write("/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1");
  tree.write("/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000");
  tree.write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "25000");
  tree.write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "50000");
  tree.write("/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "104857600");
  tree.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
  CHECK(tree.limits().processors == 0.5);
  CHECK(tree.limits().memory_bytes == 100 * kMiB);
}

TEST_CASE("Control groups: a container's group is found though it is named by its path on the host") {
  for (const std::string group : {"/docker/c1", "/docker/c1/inner"}) {
    const TreeV1 tree("/docker/c1", group);
    tree.write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000");
    tree.write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000");
    tree.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "104857600");
    CHECK(tree.limits().processors == 0.5);
    CHECK(tree.limits().memory_bytes == 100 * kMiB);
  }
}

TEST_CASE("Memory: three quarters of the available memory are for connections") {
  const std::size_t all = available_memory();
  CHECK(all > 16 * kMiB);
  CHECK(default_memory_max() <= all / 4 * 3);
  CHECK(default_memory_max() > all / 2);
}

}  // namespace
}  // namespace sluice::core
