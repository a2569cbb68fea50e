// What the connections of one I/O thread hold in memory.
#include <algorithm>
#include <vector>

#include "lib/observe/log.hpp"
#include "lib/transport/session_host.hpp"

namespace sluice::core {

void SessionHost::count_memory(MemoryBudget& budget) {
  budget_ = &budget;
  share_ = &budget.add_share([this] {
    if (io_.here()) return io_.at_turn_end(relief_);
    io_.post([this] { relieve(); });
  });
}

void SessionHost::count_bytes(Session& session, std::size_t held) {
  const std::size_t before = std::exchange(session.counted_bytes, held);
  if (budget_ != nullptr) budget_->count(*share_, before, held);
}

void SessionHost::relieve() {
  std::vector<Session*> heavy;
  sessions_.for_each([&](Session& session) {
    if (session.counted_bytes > 0) heavy.push_back(&session);
  });
  const auto lighter = [](const Session* left, const Session* right) {
    return left->counted_bytes < right->counted_bytes;
  };
  std::ranges::make_heap(heavy, lighter);
  bool due = budget_->relief_due();
  while (due && !heavy.empty()) {
    std::ranges::pop_heap(heavy, lighter);
    Session& heaviest = *heavy.back();
    heavy.pop_back();
    spdlog::warn("connections hold more memory than max_memory: closing one that holds {} KiB",
                 heaviest.counted_bytes / 1024);
    heaviest.shared_from_this()->close(CloseReason::overloaded);
    due = budget_->exceeded();
  }
  share_->set_largest(heavy.empty() ? 0 : heavy.front()->counted_bytes);
  // Another thread's connections hold more than was known.
  if (budget_->relief_due()) budget_->ask_for_relief();
}

}  // namespace sluice::core
