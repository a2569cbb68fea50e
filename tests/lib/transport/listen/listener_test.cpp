#include <doctest/doctest.h>

#include <string>
#include <system_error>

#include "tests/support/shortage.hpp"

namespace sluice {
namespace {

using namespace testing;
using std::chrono::milliseconds;

// False if the client was turned away; one that waits in vain fails the test.
bool served(TestServer& server) {
  RawClient client = server.connect();
  try {
    client.send(request(1, "quick", "[1]"));
  } catch (const std::system_error&) {
    return false;  // the connection was reset already
  }
  const auto line = client.try_line(std::chrono::seconds(10));
  if (line) return Json::parse(*line)["result"] == Json{1};
  REQUIRE_MESSAGE(client.closed(milliseconds(0)), "a client waits in vain");
  return false;
}

TEST_CASE("Listener: a connection that memory does not suffice for is refused, and the next one accepted") {
  std::size_t turned_away = 0;
  for (std::size_t skip = 0; skip < 24; ++skip) {
    CAPTURE(skip);
    auto settings = test_settings();
    settings.io_threads = 1;
    TestServer server({shortage_method(), echo_method("quick", {.inline_io = true})}, settings);
    RawClient first = server.connect();
    first.send(shortage(skip, 1));
    first.try_line(kWaitMax);
    std::size_t turned_away_now = 0;
    for (int i = 0; i < 4; ++i) turned_away_now += served(server) ? 0 : 1;
    CHECK(turned_away_now <= 1);
    turned_away += turned_away_now;
    // One that could not be taken is not counted as open.
    CHECK(eventually([&] { return server.engine().status().connections <= 1; }));
  }
  CHECK(turned_away > 0);
}

}  // namespace
}  // namespace sluice
