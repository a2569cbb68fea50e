#include "lib/backend/child_groups.hpp"

namespace sluice::core {
namespace {

std::atomic<ChildGroupTable*> noted_in{nullptr};

// Replaces `from` by `to`, looking from this leader's most likely slot.
void replace(pid_t leader, pid_t from, pid_t to) {
  ChildGroupTable* const table = noted_in.load(std::memory_order_acquire);
  if (table == nullptr) return;
  const auto first = static_cast<std::size_t>(leader);
  for (std::size_t i = 0; i < table->groups.size(); ++i) {
    pid_t expected = from;
    if (table->groups[(first + i) % table->groups.size()].compare_exchange_strong(expected, to)) return;
  }
}

}  // namespace

void note_child_groups_in(ChildGroupTable* table) { noted_in.store(table, std::memory_order_release); }
void note_child_group(pid_t leader) { replace(leader, 0, leader); }
void forget_child_group(pid_t leader) { replace(leader, leader, 0); }

}  // namespace sluice::core
