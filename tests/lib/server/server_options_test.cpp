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

std::string refusal_of(const ServerOptions& options) {
  try {
    const Server server(options);
  } catch (const std::invalid_argument& refusal) {
    return refusal.what();
  }
  return "";
}

TEST_CASE("Server: options of events are checked, and the wrong one is named") {
  ServerOptions options;
  options.log_level = "error";
  options.listen = {"tcp://127.0.0.1:0"};
  options.events.topics["orders.*"] = {.history = 10, .key = "/id", .slow = SlowPolicy::conflate};
  CHECK(refusal_of(options).empty());
  options.events.topics["orders*"] = {};
  CHECK(refusal_of(options).starts_with("topic.\"orders*\" is not allowed; it takes a topic"));
  options.events.topics = {{"orders", {.key = "id"}}};
  CHECK(refusal_of(options).starts_with("topic.\"orders\".key is not allowed; it takes a JSON pointer"));
  options.events = {.queue = 0};
  CHECK(refusal_of(options).starts_with("events.queue is not allowed; it takes a number from 1 to "));
}

TEST_CASE("Server: topics of clients are checked") {
  ClientOptions client{.name = "anonymous", .subscribe = {"orders.*"}, .publish = {"*"}};
  ServerOptions options{.listen = {"tcp://127.0.0.1:0"}, .clients = {client}, .log_level = "error"};
  CHECK(refusal_of(options).empty());
  options.clients.front().publish = {"a b"};
  CHECK(refusal_of(options).starts_with("client anonymous: publish is not allowed; it takes an array"));
}

}  // namespace
}  // namespace sluice
