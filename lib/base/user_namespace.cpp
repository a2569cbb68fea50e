#include "lib/base/user_namespace.hpp"

#include <fstream>
#include <limits>

namespace sluice::core {
namespace {

constexpr std::uint32_t kOverflowId = 65534;

std::uint32_t number_in(const std::string& path) {
  std::ifstream file(path);
  std::uint32_t number = 0;
  return file >> number ? number : kOverflowId;
}

// Whether all ids are mapped to themselves, as outside of user namespaces: "0 0 4294967295". A kernel without
// user namespaces does not have this file.
bool is_identity(const std::string& proc, const char* name) {
  std::ifstream file(proc + "/self/" + name);
  if (!file) return std::ifstream(proc + "/self/stat").good();
  std::uint32_t inside = 1, outside = 1, count = 0;
  file >> inside >> outside >> count;
  return file && inside == 0 && outside == 0 && count == std::numeric_limits<std::uint32_t>::max();
}

}  // namespace

// A service with ProcSubset=pid can't read the files in sys; they have their default nearly everywhere.
OverflowIds::OverflowIds(const std::string& proc)
    : user_(number_in(proc + "/sys/kernel/overflowuid")),
      group_(number_in(proc + "/sys/kernel/overflowgid")),
      users_unmapped_(!is_identity(proc, "uid_map")),
      groups_unmapped_(!is_identity(proc, "gid_map")) {}

const OverflowIds& OverflowIds::own() {
  static const OverflowIds ids("/proc");
  return ids;
}

}  // namespace sluice::core
