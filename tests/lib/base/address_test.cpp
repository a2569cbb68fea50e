#include "lib/base/address.hpp"

#include <doctest/doctest.h>

#include <string>

namespace sluice::core {
namespace {

TEST_CASE("address: a parsed address is written as it was") {
  for (const char* text :
       {"tcp://127.0.0.1:7070", "tcp://0.0.0.0:0", "tcp://[::1]:65535", "tcp://[fe80::1%eth0]:1",
        "tcp://localhost:80", "unix:///run/sluice/sluice.sock", "unix:///a b"}) {
    CAPTURE(text);
    const auto address = parse_address(text);
    REQUIRE(address);
    CHECK(address->to_string() == text);
  }
}

TEST_CASE("address: host and port, or path, are distinguished") {
  const auto v4 = parse_address("tcp://127.0.0.1:7070");
  REQUIRE(v4);
  CHECK(v4->kind == Address::Kind::tcp);
  CHECK(v4->host == "127.0.0.1");
  CHECK(v4->port == 7070);
  const auto v6 = parse_address("tcp://[2001:db8::1]:80");
  REQUIRE(v6);
  CHECK(v6->host == "2001:db8::1");
  const auto local = parse_address("unix:///x");
  REQUIRE(local);
  CHECK(local->kind == Address::Kind::unix_socket);
  CHECK(local->path == "/x");
  CHECK(*local == *parse_address("unix:///x"));
  CHECK_FALSE(*local == *parse_address("unix:///y"));
}

TEST_CASE("address: a text that is not an address is refused") {
  for (const char* text : {"",
                           "tcp",
                           "tcp:",
                           "tcp://",
                           "tcp://127.0.0.1",
                           "tcp://127.0.0.1:",
                           "tcp://:80",
                           "tcp://[]:80",
                           "tcp://[::1]",
                           "tcp://[::1:80",
                           "tcp://::1]:80",
                           "tcp://::1:80",
                           "tcp://[:80",
                           "tcp://127.0.0.1:65536",
                           "tcp://127.0.0.1:-1",
                           "tcp://127.0.0.1:+1",
                           "tcp://127.0.0.1:80x",
                           "tcp://127.0.0.1: 80",
                           "tcp://127.0.0.1:0x50",
                           "TCP://127.0.0.1:80",
                           "udp://127.0.0.1:80",
                           "http://127.0.0.1:80",
                           "127.0.0.1:80",
                           "unix://",
                           "unix://relative",
                           "unix:/one",
                           "/path"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_address(text));
  }
}

TEST_CASE("address: a Unix path is as long as the system takes, and no longer") {
  const std::string fits(107, 'x');
  CHECK(parse_address("unix:///" + fits.substr(1)));
  CHECK_FALSE(parse_address("unix:///" + fits));
  CHECK_FALSE(parse_address(std::string_view("unix:///a\0b", 11)));
}

}  // namespace
}  // namespace sluice::core
