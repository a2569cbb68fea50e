#include "lib/backend/child_user.hpp"

#include <cerrno>
#include <system_error>

#include <grp.h>
#include <pwd.h>

namespace sluice::core {
namespace {

constexpr std::size_t kEntryBytesFirst = 4 * 1024;
constexpr std::size_t kEntryBytesMax = 1024 * 1024;
constexpr int kGroupsFirst = 64;
constexpr int kGroupsMax = 65536;  // the kernel's own limit

std::vector<gid_t> groups_of(const std::string& name, gid_t group) {
  int count = kGroupsFirst;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  while (::getgrouplist(name.c_str(), group, groups.data(), &count) < 0 &&
         groups.size() < static_cast<std::size_t>(kGroupsMax)) {
    count = std::max(count, 2 * static_cast<int>(groups.size()));
    groups.resize(static_cast<std::size_t>(count));
  }
  groups.resize(static_cast<std::size_t>(std::min(count, static_cast<int>(groups.size()))));
  return groups;
}

}  // namespace

Result<ChildUser, ChildFailure> find_child_user(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::string buffer(kEntryBytesFirst, '\0');
  int error = 0;
  while ((error = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found)) == ERANGE &&
         buffer.size() < kEntryBytesMax) {
    buffer.resize(2 * buffer.size());
  }
  if (found == nullptr) {
    return ChildFailure{error == 0 ? "there is no user " + name
                                   : "user " + name + ": " + std::generic_category().message(error)};
  }
  return ChildUser{name,         entry.pw_dir, entry.pw_shell,
                   entry.pw_uid, entry.pw_gid, groups_of(name, entry.pw_gid)};
}

}  // namespace sluice::core
