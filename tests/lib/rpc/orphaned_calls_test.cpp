#include "lib/rpc/orphaned_calls.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/session_parts.hpp"

namespace sluice::core {
namespace {

using testing::echo_spec;
using testing::ScannedMessages;
using testing::SessionParts;
using testing::TestSink;

constexpr std::size_t kBytesMax = 16 * 1024 * 1024;

struct Fixture {
  Fixture() {
    parts.registry.add(echo_spec("pooled", HandlerKind::blocking));
    parts.registry.add(echo_spec("quick", HandlerKind::inline_io));
  }

  void receive(std::string text) {
    const auto& scanned = messages.scan(std::move(text));
    session.receive(scanned.text, scanned.message(), 0);
  }
  std::uint64_t overloaded() {
    return parts.thread.metrics().rejected[static_cast<std::size_t>(Rejection::overloaded)].get();
  }

  ScannedMessages messages;
  SessionParts parts;
  TestSink sink;
  RpcSession session{parts.calls, parts.orphans, sink};
};

std::string notification(std::string_view method, std::size_t bytes = 0) {
  return R"({"jsonrpc":"2.0","method":")" + std::string(method) + R"(","params":[")" +
         std::string(bytes, 'x') + R"("]})";
}

std::string request(int id) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":"pooled"})";
}

TEST_CASE("OrphanedCalls: keeps a notification whose client is gone, and drops its requests") {
  Fixture fixture;
  fixture.receive(request(1));
  fixture.receive(notification("pooled"));
  fixture.session.disconnected();
  CHECK(fixture.parts.orphans.bytes() == notification("pooled").size());
  CHECK(fixture.parts.admission.in_flight_approx() == 1);
  CHECK(fixture.sink.replies.empty());
  fixture.parts.orphans.abort_all(proto::draining());
  CHECK(fixture.parts.orphans.bytes() == 0);
  CHECK(fixture.parts.admission.in_flight_approx() == 0);
}

TEST_CASE("OrphanedCalls: a notification that ends is counted no more") {
  Fixture fixture;
  fixture.session.disconnected();
  fixture.receive(notification("quick"));
  CHECK(fixture.parts.orphans.bytes() == 0);
  CHECK(fixture.overloaded() == 0);
}

TEST_CASE("OrphanedCalls: refuses a notification that finds no room") {
  Fixture fixture;
  fixture.session.disconnected();
  fixture.receive(notification("pooled", kBytesMax - 1000));
  const std::size_t bytes = fixture.parts.orphans.bytes();
  CHECK(bytes > kBytesMax - 1000);
  fixture.receive(notification("pooled", 1000));
  CHECK(fixture.parts.orphans.bytes() == bytes);
  CHECK(fixture.overloaded() == 1);
  fixture.parts.orphans.abort_all(proto::draining());
}

TEST_CASE("OrphanedCalls: keeps a batch until its notifications have run, and stops its requests") {
  Fixture fixture;
  fixture.receive("[" + request(1) + "," + notification("pooled") + "]");
  CHECK(fixture.parts.admission.in_flight_approx() == 2);
  fixture.session.disconnected();
  CHECK(fixture.session.in_flight() == 0);
  CHECK(fixture.parts.admission.in_flight_approx() == 1);
  CHECK(fixture.parts.orphans.bytes() > 0);
  fixture.parts.orphans.abort_all(proto::draining());
  CHECK(fixture.parts.admission.in_flight_approx() == 0);
  CHECK(fixture.parts.orphans.bytes() == 0);
  CHECK(fixture.sink.replies.empty());
}

TEST_CASE("OrphanedCalls: a batch that finds no room runs none of its notifications") {
  Fixture fixture;
  fixture.session.disconnected();
  fixture.receive(notification("pooled", kBytesMax - 1000));
  const std::size_t bytes = fixture.parts.orphans.bytes();
  CHECK(fixture.parts.admission.in_flight_approx() == 1);
  fixture.receive("[" + notification("pooled", 1000) + "]");
  CHECK(fixture.parts.admission.in_flight_approx() == 1);
  CHECK(fixture.parts.orphans.bytes() == bytes);
  fixture.parts.orphans.abort_all(proto::draining());
}

}  // namespace
}  // namespace sluice::core
