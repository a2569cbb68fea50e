// Overflow ids: what a user namespace shows for unmapped users and groups.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::core {

// In a user namespace that does not map all ids, the kernel shows every unmapped user and group as the
// overflow id (65534, "nobody"). Such an id does not identify a user or group. If all ids are mapped to
// themselves, there are no overflow ids.
class OverflowIds {
 public:
  // The overflow ids of this process, read once from /proc. Any thread.
  static const OverflowIds& own();
  // `proc`: where the process file system is mounted.
  explicit OverflowIds(const std::string& proc);

  bool is_overflow_user(std::uint32_t id) const { return users_unmapped_ && id == user_; }
  bool is_overflow_group(std::uint32_t id) const { return groups_unmapped_ && id == group_; }

 private:
  std::uint32_t user_;
  std::uint32_t group_;
  bool users_unmapped_;
  bool groups_unmapped_;
};

}  // namespace sluice::core
