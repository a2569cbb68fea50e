// Load balancer over the endpoints of one upstream: least calls in flight first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "lib/time/durations.hpp"

namespace sluice::core {

// Chooses the connection for each call, and has endpoints open connections where calls need them. Owns the
// endpoints. `Endpoint` is UpstreamEndpoint, or a test's own: all that it does with sockets and time is
// behind its methods. Not thread-safe.
template <typename Endpoint>
class Balancer {
 public:
  using Connection = typename Endpoint::Connection;

  // Where a call may be sent now; null where no connection has room.
  struct Target {
    Endpoint* endpoint = nullptr;
    Connection* connection = nullptr;
    explicit operator bool() const { return endpoint != nullptr; }
  };

  void add(std::unique_ptr<Endpoint> endpoint) { endpoints_.push_back(std::move(endpoint)); }
  const std::vector<std::unique_ptr<Endpoint>>& endpoints() const { return endpoints_; }

  // A connection with room, at the endpoint with the least calls in flight. `last_choice` only where no other
  // endpoint has one; never `except`.
  Target pick(const Endpoint* last_choice = nullptr, const Connection* except = nullptr);
  // For a call that failed at `failed`, which may be null: at that endpoint only where no other will have a
  // connection before long. May open one there.
  Target pick_avoiding(const Endpoint* failed);
  // A connection with room that has answered nothing yet.
  Target pick_fresh() const;

  // Whether an endpoint other than `than`, null for any, will have a connection before long. Opens one where
  // none is being opened.
  bool open_elsewhere(const Endpoint* than);
  // Whether there will be a connection for pick_fresh(). Opens one likewise.
  bool open_fresh();
  // Endpoints with less to do than `busy`, and without a connection that has room, open one: they get their
  // share of the next calls.
  void open_for_balance(const Endpoint& busy);
  // Opens connections until those that are being opened can take so many calls, or no more may be opened.
  void open_for(std::size_t calls);

  // Whether no endpoint will take a call before long.
  bool hopeless() const;
  bool all_down() const;
  // Until the first of them may be worth asking again.
  milliseconds retry_after() const;

 private:
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::size_t next_ = 0;  // where the search begins, so that equals are chosen round-robin
};

template <typename Endpoint>
auto Balancer<Endpoint>::pick(const Endpoint* last_choice, const Connection* except) -> Target {
  Target best;
  ++next_;
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    Endpoint& each = *endpoints_[(next_ + i) % endpoints_.size()];
    Connection* const found = each.allows() ? each.connection_with_room(except) : nullptr;
    if (found == nullptr) continue;
    const bool better = !best || best.endpoint == last_choice ||
                        (&each != last_choice && each.in_flight() < best.endpoint->in_flight());
    if (better) best = {&each, found};
  }
  return best;
}

template <typename Endpoint>
auto Balancer<Endpoint>::pick_avoiding(const Endpoint* failed) -> Target {
  const Target found = pick(failed);
  const bool waits_for_other = found && found.endpoint == failed && open_elsewhere(failed);
  return waits_for_other ? Target{} : found;
}

template <typename Endpoint>
auto Balancer<Endpoint>::pick_fresh() const -> Target {
  for (const auto& each : endpoints_) {
    Connection* const found = each->allows() ? each->fresh_connection() : nullptr;
    if (found != nullptr) return {each.get(), found};
  }
  return {};
}

template <typename Endpoint>
bool Balancer<Endpoint>::open_elsewhere(const Endpoint* than) {
  return std::ranges::any_of(endpoints_, [than](const auto& each) {
    return each.get() != than && each->allows() && (each->room_to_come() > 0 || each->open_one());
  });
}

template <typename Endpoint>
bool Balancer<Endpoint>::open_fresh() {
  return std::ranges::any_of(endpoints_, [](const auto& each) {
    return each->allows() && (each->room_to_come() > 0 || each->open_one() || each->may_grow());
  });
}

template <typename Endpoint>
void Balancer<Endpoint>::open_for_balance(const Endpoint& busy) {
  for (const auto& each : endpoints_) {
    if (each->allows() && each->in_flight() < busy.in_flight() && each->room_to_come() == 0 &&
        each->connection_with_room(nullptr) == nullptr) {
      each->open_one();
    }
  }
}

template <typename Endpoint>
void Balancer<Endpoint>::open_for(std::size_t calls) {
  for (const auto& each : endpoints_) calls -= std::min(calls, each->room_to_come());
  for (const auto& each : endpoints_) {
    while (calls > 0 && each->allows()) {
      const std::size_t coming = each->room_to_come();
      if (!each->open_one()) break;
      calls -= std::min(calls, each->room_to_come() - coming);
    }
  }
}

template <typename Endpoint>
bool Balancer<Endpoint>::hopeless() const {
  return std::ranges::none_of(endpoints_, [](const auto& each) { return each->may_accept_soon(); });
}

template <typename Endpoint>
bool Balancer<Endpoint>::all_down() const {
  return std::ranges::all_of(endpoints_, [](const auto& each) { return each->down(); });
}

template <typename Endpoint>
milliseconds Balancer<Endpoint>::retry_after() const {
  milliseconds soonest = kLongestWait;
  for (const auto& each : endpoints_) soonest = std::min(soonest, each->retry_after());
  return soonest;
}

}  // namespace sluice::core
