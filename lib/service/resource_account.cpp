#include "lib/include/sluice/service/resource_account.hpp"

#include <atomic>

namespace sluice {

struct ResourceAccount::State {
  State(std::uint64_t units_max, std::shared_ptr<State> above) : limit(units_max), whole(std::move(above)) {}

  bool try_take(std::uint64_t units);
  void release(std::uint64_t units);

  const std::uint64_t limit;
  const std::shared_ptr<State> whole;
  std::atomic<std::uint64_t> used{0};
  std::atomic<std::uint64_t> peak{0};

 private:
  bool try_take_here(std::uint64_t units);
  void note_peak();
};

// One atomic operation both checks and takes, so that no number of threads exceeds the limit.
bool ResourceAccount::State::try_take_here(std::uint64_t units) {
  std::uint64_t before = used.load(std::memory_order_relaxed);
  do {
    if (units > limit - before) return false;
  } while (!used.compare_exchange_weak(before, before + units, std::memory_order_relaxed));
  return true;
}

bool ResourceAccount::State::try_take(std::uint64_t units) {
  if (!try_take_here(units)) return false;
  if (whole && !whole->try_take(units)) {
    used.fetch_sub(units, std::memory_order_relaxed);
    return false;
  }
  note_peak();
  return true;
}

void ResourceAccount::State::note_peak() {
  const std::uint64_t now = used.load(std::memory_order_relaxed);
  std::uint64_t before = peak.load(std::memory_order_relaxed);
  while (before < now && !peak.compare_exchange_weak(before, now, std::memory_order_relaxed)) {
  }
}

void ResourceAccount::State::release(std::uint64_t units) {
  // The whole first: a thread that gets these units here finds them there as well.
  if (whole) whole->release(units);
  used.fetch_sub(units, std::memory_order_relaxed);
}

ResourceAccount::ResourceAccount(std::uint64_t limit) : state_(std::make_shared<State>(limit, nullptr)) {}

ResourceAccount::ResourceAccount(std::uint64_t limit, const ResourceAccount& whole)
    : state_(std::make_shared<State>(limit, whole.state_)) {}

std::optional<Reservation> ResourceAccount::try_reserve(std::uint64_t units) const {
  if (!state_->try_take(units)) return std::nullopt;
  return Reservation(state_, units);
}

std::uint64_t ResourceAccount::limit() const { return state_->limit; }
std::uint64_t ResourceAccount::current() const { return state_->used.load(std::memory_order_relaxed); }
std::uint64_t ResourceAccount::peak() const { return state_->peak.load(std::memory_order_relaxed); }

Reservation::Reservation(Reservation&& other) noexcept
    : state_(std::move(other.state_)), units_(std::exchange(other.units_, 0)) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  if (this == &other) return *this;
  release();
  state_ = std::move(other.state_);
  units_ = std::exchange(other.units_, 0);
  return *this;
}

bool Reservation::try_resize(std::uint64_t units) {
  if (!state_) return units == 0;
  if (units > units_ && !state_->try_take(units - units_)) return false;
  if (units < units_) state_->release(units_ - units);
  units_ = units;
  return true;
}

void Reservation::release() noexcept {
  if (state_ && units_ > 0) state_->release(units_);
  units_ = 0;
  state_.reset();
}

}  // namespace sluice
