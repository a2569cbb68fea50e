// Resource account: reservations of scarce units, such as bytes, handles or processes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace sluice {

class Reservation;

// A number of units, of which reservations are taken until none is left. An account may be part of another
// one: its units are taken from that one too. So each of many has a share and all together have a limit.
// Thread-safe, lock-free. It is a handle: copies are the same account, which lives as long as a copy, a part
// or a reservation.
class ResourceAccount {
 public:
  explicit ResourceAccount(std::uint64_t limit);
  // A part of `whole`. Its limit may exceed what is left there, and so may the sum of all parts' limits.
  ResourceAccount(std::uint64_t limit, const ResourceAccount& whole);

  // Reserves all of the units; nothing if that would exceed this limit, or that of an account above. Never
  // waits. Units that an account above refuses are taken below for a moment, and may be missing there for
  // others.
  std::optional<Reservation> try_reserve(std::uint64_t units) const;

  std::uint64_t limit() const;
  // Units in use now.
  std::uint64_t current() const;
  // The most units in use at once.
  std::uint64_t peak() const;

 private:
  friend class Reservation;
  struct State;
  std::shared_ptr<State> state_;
};

// Reserved units of an account; they are released when it is destroyed, released or assigned to. Move-only;
// for one thread at a time. May outlive the account's handles.
class Reservation {
 public:
  // An empty reservation.
  Reservation() = default;
  Reservation(Reservation&& other) noexcept;
  Reservation& operator=(Reservation&& other) noexcept;
  ~Reservation() { release(); }

  std::uint64_t units() const { return units_; }
  // Takes more units, or releases some, of the same account. False, without a change, if there are not
  // enough, or if the reservation is empty and has no account.
  bool try_resize(std::uint64_t units);
  // Releases the units now.
  void release() noexcept;

 private:
  friend class ResourceAccount;
  Reservation(std::shared_ptr<ResourceAccount::State> state, std::uint64_t units)
      : state_(std::move(state)), units_(units) {}

  std::shared_ptr<ResourceAccount::State> state_;
  std::uint64_t units_ = 0;
};

}  // namespace sluice
