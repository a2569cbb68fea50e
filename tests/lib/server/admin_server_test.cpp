#include "lib/server/admin_server.hpp"

#include <doctest/doctest.h>

#include <string>
#include <system_error>

#include "tests/support/failing_allocator.hpp"
#include "tests/support/test_server.hpp"

namespace sluice::core {
namespace {

using testing::RawClient;

// Less than what serving a connection takes for itself, more than Asio's own small pieces.
constexpr std::size_t kCoroutineBytes = 256;
// A client that memory does not suffice for may have to wait for the listener's own time limit.
constexpr std::chrono::milliseconds kUnlucky{100};

ListenSettings any_port() {
  ListenSettings settings;
  settings.address = "tcp://127.0.0.1:0";
  return settings;
}

// The first line of the answer; empty if the connection was closed without one.
std::string status_of(const std::string& address, const std::string& target,
                      std::chrono::milliseconds limit) {
  try {
    RawClient client(address);
    client.send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    return client.try_line(limit).value_or("");
  } catch (const std::system_error&) {
    return "";
  }
}

TEST_CASE("AdminServer: a client that memory does not suffice for is the only one not served") {
  const std::size_t before = testing::failed_allocations();
  for (std::size_t skip = 0; skip < 12; ++skip) {
    CAPTURE(skip);
    AdminSources sources;
    sources.metrics = [] { return std::string("up 1\n"); };
    sources.ready = [] { return true; };
    // Runs on the listener's thread: what fails next is its client's or the next one's.
    sources.unhealthy_reason = [skip] {
      testing::fail_allocations(skip, 1, kCoroutineBytes);
      return std::string();
    };
    const AdminServer server(ListeningSocket::open(any_port()), sources);
    const std::string address = server.address().to_string();
    // Stays open, so that the memory of its coroutine is not used again for the next.
    RawClient first(address);
    first.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    first.try_line(kUnlucky);
    for (int clients = 0; clients < 2; ++clients) status_of(address, "/metrics", kUnlucky);
    // The shortage may come as late as that.
    CHECK(testing::eventually(
        [&] { return status_of(address, "/readyz", kUnlucky).starts_with("HTTP/1.1 200"); }));
  }
  CHECK(testing::failed_allocations() > before);
}

}  // namespace
}  // namespace sluice::core
