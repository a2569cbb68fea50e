#include "lib/transport/connection_limit.hpp"

#include <doctest/doctest.h>

#include <utility>

namespace sluice::core {
namespace {

constexpr PeerKey kOne{PeerKey::Kind::ipv4, 1};
constexpr PeerKey kUserOne{PeerKey::Kind::user, 1};

TEST_CASE("ConnectionLimit: each peer has permits of its own") {
  ConnectionLimit limit(10, 2);
  auto first = limit.try_acquire();
  auto second = limit.try_acquire();
  auto third = limit.try_acquire();
  REQUIRE(third);
  CHECK(first.join(kOne));
  CHECK(second.join(kOne));
  CHECK_FALSE(third.join(kOne));
  CHECK(third.join(kUserOne));
}

TEST_CASE("ConnectionLimit: a permit is released once, at the end of the one that it was moved to") {
  ConnectionLimit limit(10, 1);
  {
    auto permit = limit.try_acquire();
    CHECK(permit.join(kOne));
    const auto moved = std::move(permit);
    auto late = limit.try_acquire();
    CHECK_FALSE(late.join(kOne));
  }
  CHECK(limit.count_approx() == 0);
  auto next = limit.try_acquire();
  CHECK(next.join(kOne));
}

TEST_CASE("ConnectionLimit: a permit lacks a peer until one is counted, where there is a limit") {
  ConnectionLimit limit(10);
  auto permit = limit.try_acquire();
  CHECK_FALSE(permit.lacks_peer());
  limit.set_max_per_peer(1);
  CHECK(permit.lacks_peer());
  CHECK(permit.join(kOne));
  CHECK_FALSE(permit.lacks_peer());
  CHECK_FALSE(ConnectionLimit::Permit().lacks_peer());
}

TEST_CASE("ConnectionLimit: without a limit per peer any number may connect") {
  ConnectionLimit limit(10);
  CHECK_FALSE(limit.per_peer());
  auto first = limit.try_acquire();
  auto second = limit.try_acquire();
  CHECK(first.join(kOne));
  CHECK(second.join(kOne));
}

}  // namespace
}  // namespace sluice::core
