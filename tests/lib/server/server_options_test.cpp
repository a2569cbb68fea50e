#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "lib/include/sluice/server.hpp"

namespace sluice {
namespace {

// Made and thrown away; nothing is opened before start().
void make(const std::string& address, bool insecure) {
  const Server server({.listen = {address}, .insecure = insecure, .log_level = "error"});
}

TEST_CASE("Server: an address that others can reach is refused unless it is `insecure`") {
  for (const char* address :
       {"tcp://0.0.0.0:0", "tcp://[::]:0", "tcp://192.0.2.1:7070", "tcp://[2001:db8::1]:1"}) {
    CAPTURE(address);
    CHECK_THROWS_AS(make(address, false), std::invalid_argument);
    CHECK_NOTHROW(make(address, true));
  }
}

TEST_CASE("Server: one such address among others is refused, and named") {
  try {
    const Server server({.listen = {"tcp://127.0.0.1:0", "tcp://0.0.0.0:0"}, .log_level = "error"});
    FAIL("made");
  } catch (const std::invalid_argument& refusal) {
    CHECK(std::string(refusal.what()).find("tcp://0.0.0.0:0") == 0);
    CHECK(std::string(refusal.what()).find("insecure") != std::string::npos);
  }
}

TEST_CASE("Server: loopback and Unix sockets need no `insecure`") {
  for (const char* address :
       {"tcp://127.0.0.1:0", "tcp://127.8.9.10:0", "tcp://[::1]:0", "unix:///tmp/none"}) {
    CAPTURE(address);
    CHECK_NOTHROW(make(address, false));
  }
}

TEST_CASE("Server: a text that is not an address is refused, insecure or not") {
  for (const bool insecure : {false, true}) {
    CHECK_THROWS_AS(make("0.0.0.0:7070", insecure), std::invalid_argument);
    CHECK_THROWS_AS(make("tcp://0.0.0.0:70000", insecure), std::invalid_argument);
  }
}

}  // namespace
}  // namespace sluice
