#include "cli/address.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

namespace sluice::client {

TEST_CASE("Address: a word with a scheme is an address, a method name is not") {
  CHECK(looks_like_address("tcp://127.0.0.1:1"));
  CHECK(looks_like_address("unix:///run/s.sock"));
  CHECK(looks_like_address("http://x/"));
  CHECK_FALSE(looks_like_address("demo.echo"));
  CHECK_FALSE(looks_like_address("://x"));
  CHECK_FALSE(looks_like_address("a.b://x"));
  CHECK_FALSE(looks_like_address(""));
}

TEST_CASE("Address: hosts are IPv4, names and bracketed IPv6") {
  const auto ipv4 = parse_address("tcp://127.0.0.1:7070");
  REQUIRE(ipv4.has_value());
  CHECK(ipv4.value().host == "127.0.0.1");
  CHECK(ipv4.value().port == "7070");
  CHECK(ipv4.value().text == "tcp://127.0.0.1:7070");

  const auto ipv6 = parse_address("tcp://[::1]:65535");
  REQUIRE(ipv6.has_value());
  CHECK(ipv6.value().host == "::1");
  CHECK(ipv6.value().port == "65535");

  const auto name = parse_address("tcp://localhost:1");
  REQUIRE(name.has_value());
  CHECK(name.value().host == "localhost");
}

TEST_CASE("Address: HOST:PORT is TCP") {
  for (const char* text : {"127.0.0.1:7070", "localhost:1", "my-host.example:65535", "[::1]:7070"}) {
    CAPTURE(text);
    CHECK(looks_like_address(text));
    const auto address = parse_address(text);
    REQUIRE(address.has_value());
    CHECK(address.value().text == std::string("tcp://") + text);
  }
  CHECK(parse_address("[::1]:7070").value().host == "::1");
  for (const char* text : {"localhost:0", "localhost:70000", "::1:7070"}) {
    CAPTURE(text);
    CHECK(looks_like_address(text));
    CHECK_FALSE(parse_address(text).has_value());
  }
  for (const char* method : {"localhost", "ns:method", "ns:method:1", "localhost:", ":7070", "a/b:1"}) {
    CAPTURE(method);
    CHECK_FALSE(looks_like_address(method));
  }
}

TEST_CASE("Address: a Unix path is absolute and fits the socket address") {
  const auto address = parse_address("unix:///run/sluice/sluice.sock");
  REQUIRE(address.has_value());
  CHECK(address.value().kind == Address::Kind::unix_socket);
  CHECK(address.value().path == "/run/sluice/sluice.sock");
  CHECK_FALSE(parse_address("unix://relative.sock").has_value());
  CHECK_FALSE(parse_address("unix://").has_value());
  CHECK(parse_address("unix:///" + std::string(106, 'a')).has_value());
  CHECK_FALSE(parse_address("unix:///" + std::string(107, 'a')).has_value());
}

TEST_CASE("Address: an invalid address is a usage error") {
  for (const char* text :
       {"tcp://", "tcp://host", "tcp://:1", "tcp://host:", "tcp://host:0", "tcp://host:65536",
        "tcp://host:7x", "tcp://::1:7070", "tcp://[]:1", "tcp://h:1/path", "tcp://[::1:1"}) {
    CAPTURE(text);
    const auto address = parse_address(text);
    REQUIRE_FALSE(address.has_value());
    CHECK(address.error().code == ExitCode::usage);
  }
}

TEST_CASE("Address: the error for an unsupported scheme names the supported ones") {
  const auto address = parse_address("ftp://localhost:7070/");
  REQUIRE_FALSE(address.has_value());
  for (const char* scheme : {"tcp://HOST:PORT", "tls://HOST:PORT", "unix:///path", "https", "wss"}) {
    CHECK(address.error().message.find(scheme) != std::string::npos);
  }
}

TEST_CASE("Address: a scheme says the protocol, and whether it runs in TLS") {
  using Protocol = Address::Protocol;
  struct Case {
    const char* text;
    Protocol protocol;
    bool tls;
  };
  for (const Case& each :
       {Case{"tcp://h:1", Protocol::json_stream, false}, Case{"tls://h:1", Protocol::json_stream, true},
        Case{"http://h:1", Protocol::http, false}, Case{"https://h:1", Protocol::http, true},
        Case{"ws://h:1", Protocol::websocket, false}, Case{"wss://h:1", Protocol::websocket, true}}) {
    CAPTURE(each.text);
    const auto address = parse_address(each.text);
    REQUIRE(address.has_value());
    CHECK(address.value().protocol == each.protocol);
    CHECK(address.value().tls == each.tls);
    CHECK(address.value().is_raw_stream() == std::string_view(each.text).starts_with("tcp"));
  }
}

TEST_CASE("Address: a URL may leave out its port and path") {
  const auto plain = parse_address("http://example.org").value();
  CHECK(plain.port == "80");
  CHECK(plain.target == "/");
  CHECK(plain.authority == "example.org");
  const auto full = parse_address("wss://[::1]:7443/rpc?key=1").value();
  CHECK(full.host == "::1");
  CHECK(full.port == "7443");
  CHECK(full.target == "/rpc?key=1");
  CHECK(full.authority == "[::1]:7443");
  CHECK(parse_address("https://[::1]?x").value().target == "/?x");
  CHECK(parse_address("https://[::1]").value().port == "443");
  CHECK(parse_address("https://h:443").value().authority == "h");
  CHECK(parse_address("http://h:443").value().authority == "h:443");
}

TEST_CASE("Address: a URL that cannot be requested is a usage error") {
  for (const char* text : {"http://", "http:///path", "http://h:0/", "http://u:p@h/", "http://h/a b",
                           "http://h/#x", "http://h/\xc3\xa9", "ws://::1/", "tls://h", "tls://h:1/path"}) {
    CAPTURE(text);
    const auto address = parse_address(text);
    REQUIRE_FALSE(address.has_value());
    CHECK(address.error().code == ExitCode::usage);
  }
}

TEST_CASE("Address: the default comes from the environment, then is fixed") {
  unsetenv("SLUICE_ADDRESS");
  CHECK(default_address().value().text == "tcp://127.0.0.1:7070");
  setenv("SLUICE_ADDRESS", "unix:///tmp/x", 1);
  CHECK(default_address().value().path == "/tmp/x");
  setenv("SLUICE_ADDRESS", "nonsense", 1);
  REQUIRE_FALSE(default_address().has_value());
  CHECK(default_address().error().message.starts_with("SLUICE_ADDRESS"));
  unsetenv("SLUICE_ADDRESS");
}

}  // namespace sluice::client
