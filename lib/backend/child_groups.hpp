// Child groups: the process groups of running children.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>

#include <sys/types.h>

namespace sluice::core {

// In memory that another process can read after this one was killed, so that it can end what is left. Zero: a
// free slot. Groups beyond its size are not noted.
struct ChildGroupTable {
  static constexpr std::size_t kGroupsMax = 4096;
  std::array<std::atomic<pid_t>, kGroupsMax> groups{};
};

// Groups are noted in the table from here on; null: nowhere. It must live as long as the process. Any thread,
// as for those below.
void note_child_groups_in(ChildGroupTable* table);

void note_child_group(pid_t leader);
// The group is gone.
void forget_child_group(pid_t leader);

}  // namespace sluice::core
