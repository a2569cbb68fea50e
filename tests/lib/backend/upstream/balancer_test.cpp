#include "lib/backend/upstream/balancer.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

namespace sluice::core {
namespace {

struct FakeConnection {
  bool has_room = true;
  bool fresh = true;
};

// An endpoint without sockets. Each connection that it opens has room for `calls_each`.
struct FakeEndpoint {
  using Connection = FakeConnection;

  bool allows() const { return healthy; }
  bool may_accept_soon() const { return healthy || half_open; }
  bool down() const { return is_down; }
  milliseconds retry_after() const { return retry; }
  std::size_t in_flight() const { return calls; }
  Connection* connection_with_room(const Connection* except) {
    for (Connection& each : open) {
      if (&each != except && each.has_room) return &each;
    }
    return nullptr;
  }
  Connection* fresh_connection() {
    for (Connection& each : open) {
      if (each.has_room && each.fresh) return &each;
    }
    return nullptr;
  }
  std::size_t room_to_come() const { return opening * calls_each; }
  bool may_grow() const { return open.size() + opening < connections_max; }
  bool open_one() {
    if (!may_grow() || !may_dial) return false;
    ++opening;
    return true;
  }

  std::vector<Connection> open;
  std::size_t opening = 0;
  std::size_t calls = 0;
  std::size_t calls_each = 2;
  std::size_t connections_max = 4;
  milliseconds retry{100};
  bool healthy = true;
  bool half_open = false;
  bool is_down = false;
  bool may_dial = true;
};

struct Fixture {
  explicit Fixture(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) balancer.add(std::make_unique<FakeEndpoint>());
  }
  FakeEndpoint& at(std::size_t i) { return *balancer.endpoints()[i]; }
  void connect_all() {
    for (const auto& each : balancer.endpoints()) each->open.resize(1);
  }
  Balancer<FakeEndpoint> balancer;
};

TEST_CASE("Balancer: a call goes to the endpoint with the least calls in flight") {
  Fixture fixture(3);
  fixture.connect_all();
  fixture.at(0).calls = 3;
  fixture.at(1).calls = 1;
  fixture.at(2).calls = 2;
  for (int i = 0; i < 4; ++i) CHECK(fixture.balancer.pick().endpoint == &fixture.at(1));
}

TEST_CASE("Balancer: endpoints with equal load get calls round-robin") {
  Fixture fixture(3);
  fixture.connect_all();
  std::vector<int> counts(3);
  for (int i = 0; i < 9; ++i) {
    const auto found = fixture.balancer.pick();
    for (std::size_t k = 0; k < 3; ++k) counts[k] += found.endpoint == &fixture.at(k);
  }
  CHECK(counts == std::vector<int>{3, 3, 3});
}

TEST_CASE("Balancer: an endpoint whose breaker is open, or without room, gets no call") {
  Fixture fixture(2);
  fixture.connect_all();
  fixture.at(0).healthy = false;
  fixture.at(1).calls = 10;
  CHECK(fixture.balancer.pick().endpoint == &fixture.at(1));
  fixture.at(1).open[0].has_room = false;
  CHECK_FALSE(fixture.balancer.pick());
}

TEST_CASE("Balancer: the last choice is taken only where no other endpoint has room") {
  Fixture fixture(2);
  fixture.connect_all();
  fixture.at(1).calls = 10;
  for (int i = 0; i < 4; ++i) CHECK(fixture.balancer.pick(&fixture.at(0)).endpoint == &fixture.at(1));
  fixture.at(1).healthy = false;
  CHECK(fixture.balancer.pick(&fixture.at(0)).endpoint == &fixture.at(0));
  CHECK_FALSE(fixture.balancer.pick(&fixture.at(0), fixture.at(0).open.data()));
}

TEST_CASE("Balancer: a call that failed waits for another endpoint that is connecting") {
  Fixture fixture(2);
  fixture.at(0).open.resize(1);
  CHECK(fixture.balancer.pick_avoiding(nullptr).endpoint == &fixture.at(0));
  CHECK(fixture.at(1).opening == 0);
  CHECK_FALSE(fixture.balancer.pick_avoiding(&fixture.at(0)));
  CHECK(fixture.at(1).opening == 1);
  CHECK_FALSE(fixture.balancer.pick_avoiding(&fixture.at(0)));
  CHECK(fixture.at(1).opening == 1);
  fixture.at(1).healthy = false;
  CHECK(fixture.balancer.pick_avoiding(&fixture.at(0)).endpoint == &fixture.at(0));
}

TEST_CASE("Balancer: a fresh connection is one that has answered nothing yet") {
  Fixture fixture(2);
  fixture.connect_all();
  fixture.at(0).open[0].fresh = false;
  CHECK(fixture.balancer.pick_fresh().endpoint == &fixture.at(1));
  fixture.at(1).healthy = false;
  CHECK_FALSE(fixture.balancer.pick_fresh());
  CHECK(fixture.balancer.open_fresh());
  CHECK(fixture.at(0).opening == 1);
}

TEST_CASE("Balancer: a fresh connection is waited for while one may be opened later") {
  Fixture fixture(1);
  fixture.at(0).may_dial = false;
  CHECK(fixture.balancer.open_fresh());
  fixture.at(0).connections_max = 0;
  CHECK_FALSE(fixture.balancer.open_fresh());
}

TEST_CASE("Balancer: an endpoint that lacks only a connection gets its share of the next calls") {
  Fixture fixture(3);
  fixture.at(0).open.resize(1);
  fixture.at(0).calls = 2;
  fixture.at(1).calls = 2;
  fixture.balancer.open_for_balance(fixture.at(0));
  CHECK(fixture.at(1).opening == 0);
  CHECK(fixture.at(2).opening == 1);
  fixture.balancer.open_for_balance(fixture.at(0));
  CHECK(fixture.at(2).opening == 1);
}

TEST_CASE("Balancer: as many connections are opened as waiting calls need, and not more") {
  Fixture fixture(2);
  fixture.balancer.open_for(3);
  CHECK(fixture.at(0).opening == 2);
  CHECK(fixture.at(1).opening == 0);
  fixture.balancer.open_for(4);
  CHECK(fixture.at(0).opening == 2);
  fixture.balancer.open_for(100);
  CHECK(fixture.at(0).opening == 4);
  CHECK(fixture.at(1).opening == 4);
}

TEST_CASE("Balancer: it is hopeless once no endpoint may take a call before long") {
  Fixture fixture(2);
  for (const std::size_t i : {0U, 1U}) fixture.at(i).healthy = false;
  CHECK(fixture.balancer.hopeless());
  fixture.at(1).half_open = true;
  CHECK_FALSE(fixture.balancer.hopeless());
  fixture.at(0).is_down = true;
  CHECK_FALSE(fixture.balancer.all_down());
  fixture.at(1).is_down = true;
  CHECK(fixture.balancer.all_down());
  fixture.at(1).retry = milliseconds(7);
  CHECK(fixture.balancer.retry_after() == milliseconds(7));
}

}  // namespace
}  // namespace sluice::core
