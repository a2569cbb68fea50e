#include "lib/base/cgroup_limits.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::core {
namespace {

constexpr std::size_t kNestedMax = 64;  // groups between ours and the root that are read
// v1 writes the largest multiple of a page that fits if there is no limit.
constexpr std::uint64_t kNoLimitBytes = std::uint64_t{1} << 62u;

// A mounted hierarchy of groups. v2 has one for all controllers.
struct Mount {
  std::string root;   // the group that is visible at `point`
  std::string point;  // where it is mounted
  std::vector<std::string> controllers;
  bool v2 = false;
};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

// Spaces and the like are octal escapes in mountinfo.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* const digits = text.data() + i + 1;
    const bool escape = text[i] == '\\' && i + 3 < text.size() &&
                        std::from_chars(digits, digits + 3, value, 8).ptr == digits + 3;
    out.push_back(escape ? static_cast<char>(value) : text[i]);
    if (escape) i += 3;
  }
  return out;
}

// One line of mountinfo (see proc(5)): ID PARENT DEVICE ROOT POINT OPTIONS... - TYPE SOURCE SUPER_OPTIONS
std::optional<Mount> parse_mount(const std::string& line) {
  const std::size_t dash = line.find(" - ");
  if (dash == std::string::npos) return std::nullopt;
  std::istringstream front(line.substr(0, dash));
  std::istringstream back(line.substr(dash + 3));
  std::string skipped, root, point, type, options;
  front >> skipped >> skipped >> skipped >> root >> point;
  back >> type >> skipped >> options;
  if (type != "cgroup" && type != "cgroup2") return std::nullopt;
  return Mount{unescaped(root), unescaped(point), split(options, ','), type == "cgroup2"};
}

bool has(const std::vector<std::string>& names, std::string_view wanted) {
  return std::ranges::find(names, wanted) != names.end();
}

// A file's first line; empty if it can't be read.
std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

template <typename Number>
std::optional<Number> number_in(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  return number;
}

template <typename Number>
void lower(std::optional<Number>& limit, std::optional<Number> other) {
  if (other && (!limit || *other < *limit)) limit = other;
}

std::optional<double> quota(std::string_view used, std::string_view period) {
  const auto used_us = number_in<std::int64_t>(used);
  const auto period_us = number_in<std::int64_t>(period);
  if (!used_us || !period_us || *used_us <= 0 || *period_us <= 0) return std::nullopt;
  return static_cast<double>(*used_us) / static_cast<double>(*period_us);
}

std::optional<std::uint64_t> bytes_in(const std::string& path) {
  const auto bytes = number_in<std::uint64_t>(first_line(path));
  return bytes && *bytes < kNoLimitBytes ? bytes : std::nullopt;
}

void read_v2(const std::string& group, CgroupLimits& limits) {
  const std::string both = first_line(group + "/cpu.max");  // "50000 100000", or "max 100000"
  const std::size_t space = std::min(both.find(' '), both.size());
  lower(limits.processors,
        quota(both.substr(0, space), std::string_view(both).substr(std::min(space + 1, both.size()))));
  lower(limits.memory_bytes, bytes_in(group + "/memory.max"));
  lower(limits.memory_bytes, bytes_in(group + "/memory.high"));
}

void read_v1(const std::string& group, CgroupLimits& limits) {
  lower(limits.processors,
        quota(first_line(group + "/cpu.cfs_quota_us"), first_line(group + "/cpu.cfs_period_us")));
  lower(limits.memory_bytes, bytes_in(group + "/memory.limit_in_bytes"));
}

// The group's path below the mount. A container may see its own group at the mount's root, though
// /proc/self/cgroup names it by its path on the host.
std::string below(const Mount& mount, const std::string& group) {
  if (mount.root == "/") return group;
  if (!group.starts_with(mount.root)) return "/";
  const std::string rest = group.substr(mount.root.size());
  return rest.empty() || rest.front() != '/' ? "/" : rest;
}

void read_from_group_up(const std::string& root, const Mount& mount, const std::string& group,
                        CgroupLimits& limits) {
  std::string path = below(mount, group);
  // A group outside our cgroup namespace is shown as /../... and can't be reached.
  if (path.find("/..") != std::string::npos) path = "/";
  for (std::size_t i = 0; i < kNestedMax; ++i) {
    const std::string folder = root + mount.point + (path == "/" ? "" : path);
    mount.v2 ? read_v2(folder, limits) : read_v1(folder, limits);
    const std::size_t slash = path.rfind('/');
    if (path == "/" || slash == std::string::npos) return;
    path = slash == 0 ? "/" : path.substr(0, slash);
  }
}

}  // namespace

CgroupLimits read_cgroup_limits(const std::string& root) {
  CgroupLimits limits;
  std::vector<Mount> mounts;
  std::ifstream mountinfo(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(mountinfo, line);) {
    if (auto mount = parse_mount(line)) mounts.push_back(*std::move(mount));
  }
  // ID:CONTROLLERS:GROUP a line; v2's is 0::GROUP.
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string group = line.substr(second + 1);
    const auto controllers = split(line.substr(first + 1, second - first - 1), ',');
    for (const Mount& mount : mounts) {
      const auto serves = [&mount](const std::string& name) { return has(mount.controllers, name); };
      const bool ours = mount.v2 ? controllers.empty() : std::ranges::any_of(controllers, serves);
      if (ours) read_from_group_up(root, mount, group, limits);
    }
  }
  return limits;
}

}  // namespace sluice::core
