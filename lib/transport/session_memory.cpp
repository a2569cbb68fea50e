// Memory of the connections of one I/O thread.
#include <algorithm>
#include <vector>

#include "lib/observe/log.hpp"
#include "lib/observe/rare_line.hpp"
#include "lib/transport/session_host.hpp"

namespace sluice::core {
namespace {

constexpr auto kUnownedLookPause = std::chrono::seconds(1);
// Memory without a session is counted from this size on.
constexpr std::size_t kUnownedBytesMin = 256 * 1024;

// Clients that reconnect again and again may cause this often.
void log_closing(const Session& session, TimePoint now) {
  static RareLine line(std::chrono::seconds(1));
  line.log(spdlog::level::warn, now, [&] {
    return fmt::format("connections hold more than 7/8 of max_memory: closing one that holds {} KiB",
                       session.counted_bytes / 1024);
  });
}

}  // namespace

void SessionHost::count_memory(MemoryBudget& budget) {
  budget_ = &budget;
  share_ = &budget.add_share([this] {
    if (io_.here()) return io_.defer(relief_);
    io_.post([this] { relieve(); });
  });
}

void SessionHost::count_bytes(Session& session, std::size_t held) {
  const std::size_t before = std::exchange(session.counted_bytes, held);
  if (budget_ == nullptr) return;
  // First: spares are released before a session is closed.
  count_unowned();
  budget_->count(*share_, before, held);
}

std::size_t SessionHost::unowned_bytes() const {
  const std::size_t bytes = io_.buffers().long_bytes() + io_.calls().large_bytes() +
                            io_.workers().completed_bytes() + calls_.abandoned_bytes() + orphans_.bytes();
  return bytes < kUnownedBytesMin ? 0 : bytes;
}

void SessionHost::count_unowned() {
  if (budget_->exceeded()) io_.buffers().release_long();
  const std::size_t bytes = unowned_bytes();
  if (bytes != share_->unowned()) budget_->count_unowned(*share_, bytes);
  if (bytes > 0 && !unowned_look_.linked()) {
    io_.set_deadline(unowned_look_, io_.now() + kUnownedLookPause);
  }
}

// Must not throw: other deadlines pass in the same tick.
void SessionHost::UnownedLook::on_deadline(TimePoint) {
  try {
    host.count_unowned();
  } catch (const std::exception& exception) {
    log_failure("a look at memory", exception);
  }
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
  count_unowned();
  bool due = budget_->relief_due();
  while (due && !heavy.empty()) {
    std::ranges::pop_heap(heavy, lighter);
    Session& heaviest = *heavy.back();
    heavy.pop_back();
    log_closing(heaviest, io_.now());
    heaviest.shared_from_this()->close(CloseReason::overloaded);
    due = budget_->exceeded() && budget_->relief_helps();
  }
  share_->set_largest(heavy.empty() ? 0 : heavy.front()->counted_bytes);
  // Another thread's connections hold more than was known.
  if (budget_->relief_due()) budget_->ask_for_relief();
}

}  // namespace sluice::core
