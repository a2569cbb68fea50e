#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "daemon/config/address.hpp"

namespace sluice::daemon {
namespace {

using namespace std::string_view_literals;

TEST_CASE("Config address: hosts are IPv4, IPv6 in brackets, or names") {
  for (const auto address :
       {"tcp://127.0.0.1:7070", "tcp://0.0.0.0:0", "tcp://[::1]:7070", "tcp://[::]:65535",
        "tcp://[fe80::1%eth0]:80", "tcp://localhost:7070", "tcp://api-1.example.org:443"}) {
    CAPTURE(address);
    CHECK(parse_listen_address(address));
  }
}

TEST_CASE("Config address: a Unix path is absolute and fits the kernel's structure") {
  CHECK(parse_listen_address("unix:///run/sluice/sluice.sock")->path == "/run/sluice/sluice.sock");
  const std::string longest = "/" + std::string(kUnixPathBytesMax - 1, 'p');
  CHECK(parse_listen_address("unix://" + longest)->path == longest);
  CHECK_FALSE(parse_listen_address("unix://" + longest + "p"));
}

TEST_CASE("Config address: an invalid address is refused") {
  for (const auto wrong : {"",
                           "7070",
                           ":7070",
                           "127.0.0.1:7070",
                           "tcp://",
                           "tcp://:7070",
                           "tcp://127.0.0.1",
                           "tcp://127.0.0.1:",
                           "tcp://127.0.0.1:65536",
                           "tcp://127.0.0.1:-1",
                           "tcp://127.0.0.1:70x",
                           "tcp://127.0.0.1: 70",
                           "tcp://127.0.0.256:7070",
                           "tcp://127.1:7070",
                           "tcp://::1:7070",
                           "tcp://[::1]",
                           "tcp://[::1:7070",
                           "tcp://[127.0.0.1]:7070",
                           "tcp://[::g]:1",
                           "tcp://[fe80::1%]:1",
                           "tcp://[]:1",
                           "tcp://a b:1",
                           "tcp://127.0.0.1:7070/",
                           "tcp://user@host:1",
                           "udp://127.0.0.1:1",
                           "TCP://127.0.0.1:1",
                           "unix://",
                           "unix:///",
                           "unix://relative.sock",
                           "unix:///folder/",
                           "unix://@abstract",
                           "http://127.0.0.1:1"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_listen_address(wrong));
  }
  CHECK_FALSE(parse_listen_address("unix:///a\0b"sv));
  CHECK_FALSE(parse_listen_address("tcp://127.0.0.1\0x:1"sv));
}

TEST_CASE("Config address: other machines reach all addresses but loopback") {
  for (const auto near :
       {"tcp://127.0.0.1:1", "tcp://127.9.8.7:1", "tcp://[::1]:1", "tcp://[0:0::1]:1",
        "tcp://[::ffff:127.0.0.1]:1", "tcp://localhost:1", "tcp://LocalHost:1", "unix:///a"}) {
    CAPTURE(near);
    CHECK(core::is_local(*parse_listen_address(near)));
  }
  for (const auto far : {"tcp://0.0.0.0:1", "tcp://[::]:1", "tcp://10.0.0.1:1", "tcp://128.0.0.1:1",
                         "tcp://[::ffff:10.0.0.1]:1", "tcp://[fe80::1%lo]:1", "tcp://localhost.example.org:1",
                         "tcp://my-machine:1"}) {
    CAPTURE(far);
    CHECK_FALSE(core::is_local(*parse_listen_address(far)));
  }
}

TEST_CASE("Config address: spellings of one address have one identity") {
  const auto id = [](std::string_view text) { return identity(*parse_listen_address(text)); };
  CHECK(id("tcp://[::1]:7070") == id("tcp://[0:0:0:0:0:0:0:1]:07070"));
  CHECK(id("tcp://LOCALHOST:1") == id("tcp://localhost:1"));
  CHECK(id("tcp://127.0.0.1:1") != id("tcp://127.0.0.1:2"));
  CHECK(id("tcp://[fe80::1%a]:1") != id("tcp://[fe80::1%b]:1"));
  CHECK(id("unix:///a") != id("unix:///A"));
  CHECK(id("tcp://127.0.0.1:0").empty());
}

}  // namespace
}  // namespace sluice::daemon
