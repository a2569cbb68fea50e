// Accounting of what is scarce: bytes, handles, processes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace sluice {

class Reservation;

// So many units of something, of which reservations are taken until none is left. An account may be part of
// another one: what is taken from it is taken from that one too, so that each of many has its share and all
// together have a limit. Thread-safe, lock-free; a handle: copies are the same account, which lives as long
// as a copy, a part of it or a reservation does.
class ResourceAccount {
 public:
  explicit ResourceAccount(std::uint64_t limit);
  // A part of `whole`; its limit may be beyond what is left there, or its sum with that of other parts be.
  ResourceAccount(std::uint64_t limit, const ResourceAccount& whole);

  // All of the units, or nothing where that would exceed the limit, or that of an account above. Never
  // waits. What an account above refuses is taken below for a moment, and may be missing there for others.
  std::optional<Reservation> try_reserve(std::uint64_t units) const;

  std::uint64_t limit() const;
  // Units that are taken now.
  std::uint64_t current() const;
  // The most that were taken at once.
  std::uint64_t peak() const;

 private:
  friend class Reservation;
  struct State;
  std::shared_ptr<State> state_;
};

// Units taken from an account; they go back when it is destroyed, released or assigned to. Move-only; to be
// used by one thread at a time. May outlive the account's handles.
class Reservation {
 public:
  // Of nothing.
  Reservation() = default;
  Reservation(Reservation&& other) noexcept;
  Reservation& operator=(Reservation&& other) noexcept;
  ~Reservation() { release(); }

  std::uint64_t units() const { return units_; }
  // Takes more units, or fewer, of the same account. False, and nothing changed, where there are not so
  // many, or for a reservation of nothing that no account gave.
  bool try_resize(std::uint64_t units);
  // Gives the units back now.
  void release() noexcept;

 private:
  friend class ResourceAccount;
  Reservation(std::shared_ptr<ResourceAccount::State> state, std::uint64_t units)
      : state_(std::move(state)), units_(units) {}

  std::shared_ptr<ResourceAccount::State> state_;
  std::uint64_t units_ = 0;
};

}  // namespace sluice
