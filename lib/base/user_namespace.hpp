// Ids that stand for nobody in particular.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::core {

// In a user namespace that does not map all ids, the kernel shows every user and group without a mapping as
// the overflow id (65534, "nobody"), so that it proves nothing about who somebody is. Never the case where
// all are mapped to themselves.
class OverflowIds {
 public:
  // Of this process; what /proc says, read once. Any thread.
  static const OverflowIds& own();
  // `proc` is where the process file system is mounted.
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
