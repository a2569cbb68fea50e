// Connections whose clients must be identified while memory runs out.
#include <doctest/doctest.h>

#include <string>

#include "tests/support/shortage.hpp"

namespace sluice {
namespace {

using namespace testing;

// More allocations than any of this makes.
constexpr std::size_t kSteps = 60;

core::Settings settings_with_clients() {
  auto settings = test_settings();
  settings.io_threads = 1;
  core::ClientSettings anonymous;
  anonymous.name = "anonymous";
  anonymous.max_in_flight = 1;
  core::ClientSettings known;
  known.name = "known";
  // SHA-256 of "abc"
  known.token_sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  known.methods = {"quick"};
  settings.clients = {anonymous, known};
  return settings;
}

TEST_CASE(
    "Memory: a client that can't be identified when memory runs out is disconnected, never taken for "
    "another") {
  std::size_t closed = 0;
  for (const std::size_t count : {std::size_t{1}, std::size_t{3}}) {
    for (std::size_t skip = 0; skip < kSteps; ++skip) {
      CAPTURE(skip);
      CAPTURE(count);
      TestServer server({shortage_method(), echo_method("quick", {.inline_io = true}), echo_method("secret")},
                        settings_with_clients());
      RawClient client = server.connect();
      // From here on it is identified as a client that may not call `secret`, or disconnected.
      client.send(shortage(skip, count) + request(1, "rpc.authenticate", R"(["abc"])") +
                  request(2, "quick", "[1]") + request(3, "secret"));
      std::size_t answered = 0;
      for (; answered < 4; ++answered) {
        const auto line = client.try_line(std::chrono::seconds(10));
        if (!line) break;
        const Json reply = Json::parse(*line);
        if (reply["id"] == 3) CHECK(code_of(reply) != 0);
      }
      if (answered < 4) {
        CHECK(client.closed(std::chrono::milliseconds(0)));
        ++closed;
      }
      REQUIRE(eventually([&] { return server.idle(); }));
    }
  }
  CHECK(closed > 0);
}

}  // namespace
}  // namespace sluice
