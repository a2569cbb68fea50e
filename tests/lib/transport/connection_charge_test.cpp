// Time that a connection's peer is charged for, beside its calls.
#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <utility>

#include <sys/socket.h>

#include "lib/transport/connection.hpp"
#include "lib/transport/listen/codecs.hpp"
#include "tests/support/session_parts.hpp"

namespace sluice::core {
namespace {

using namespace testing;
using std::chrono::milliseconds;

// A connection of this machine's user beside another peer: time is charged only where peers compete.
struct Fixture {
  Fixture() {
    parts.thread.slices().join(PeerKey{PeerKey::Kind::ipv4, 1});
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    client = Descriptor(ends[0]);
    connection =
        std::make_shared<Connection>(*host, ByteStream(Descriptor(ends[1]), true),
                                     std::make_shared<LivePolicy>(std::make_shared<const ListenerPolicy>()),
                                     limit.try_acquire(), codecs());
    host->add(connection);
  }
  std::chrono::nanoseconds charged() { return parts.thread.slices().charged(); }

  SessionParts parts;
  ConnectionLimit limit{1};
  std::unique_ptr<SessionHost> host = std::make_unique<SessionHost>(parts.thread, parts.calls);
  Descriptor client;
  std::shared_ptr<Connection> connection;
};

TEST_CASE("Connection: accepting it is charged to its peer") {
  Fixture fixture;
  const auto before = fixture.charged();
  fixture.parts.thread.update_time();
  fixture.connection->charge_since(fixture.parts.thread.now() - milliseconds(3));
  CHECK(fixture.charged() - before >= milliseconds(3));
}

TEST_CASE("Connection: closing it and freeing it are charged to its peer") {
  Fixture fixture;
  const auto before = fixture.charged();
  fixture.connection->close(CloseReason::stopped);
  const auto closed = fixture.charged();
  CHECK(closed > before);
  fixture.connection.reset();
  fixture.host.reset();
  CHECK(fixture.charged() > closed);
}

}  // namespace
}  // namespace sluice::core
