#include "lib/rpc/call_listing.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/session_parts.hpp"

namespace sluice::core {
namespace {

using testing::echo_spec;

struct Fixture {
  Fixture() { parts.registry.add(echo_spec("pooled", HandlerKind::blocking)); }
  ~Fixture() { session.disconnected(); }

  void call(const std::string& id) {
    const auto& scanned = messages.scan(R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"pooled"})");
    session.receive(scanned.text, scanned.message(), 0);
  }
  std::size_t list(std::span<ActiveCall* const> asking = {}) {
    listed.clear();
    return list_calls(parts.thread, asking, listed);
  }

  testing::ScannedMessages messages;
  testing::SessionParts parts;
  testing::TestSink sink;
  RpcSession session{parts.calls, parts.orphans, sink};
  std::vector<CallListing> listed;
};

TEST_CASE("list_calls: copies the calls in flight, the oldest first") {
  Fixture fixture;
  fixture.call("1");
  fixture.call(R"("b")");
  CHECK(fixture.list() == 2);
  REQUIRE(fixture.listed.size() == 2);
  CHECK(fixture.listed[0].id == "1");
  CHECK(fixture.listed[0].method == "pooled");
  CHECK(fixture.listed[0].phase == "waiting");
  CHECK(fixture.listed[0].deadline > fixture.listed[0].received);
  CHECK(fixture.listed[1].id == R"("b")");
}

TEST_CASE("list_calls: leaves out the calls that ask") {
  Fixture fixture;
  fixture.call("1");
  fixture.call("2");
  ActiveCall* const asking[] = {fixture.session.calls.front()};
  CHECK(fixture.list(asking) == 1);
  REQUIRE(fixture.listed.size() == 1);
  CHECK(fixture.listed[0].id == "2");
}

TEST_CASE("list_calls: an id that is too long for the list is left out as a whole") {
  Fixture fixture;
  fixture.call('"' + std::string(kListedTextMax, 'x') + '"');
  CHECK(fixture.list() == 1);
  CHECK(fixture.listed[0].id.empty());
}

}  // namespace
}  // namespace sluice::core
