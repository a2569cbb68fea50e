#include "lib/backend/upstream/url.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

namespace sluice::core {
namespace {

using Kind = UpstreamUrl::Kind;

TEST_CASE("UpstreamUrl: each scheme says what is spoken, and where by default") {
  struct Case {
    const char* text;
    Kind kind;
    bool tls;
    const char* host;
    int port;
    const char* target;
  };
  for (const Case& each : {
           Case{"tcp://127.0.0.1:7070", Kind::stream, false, "127.0.0.1", 7070, "/"},
           Case{"tcp://[::1]:7070", Kind::stream, false, "::1", 7070, "/"},
           Case{"http://node", Kind::http, false, "node", 80, "/"},
           Case{"https://node.example/rpc/v1?key=a%20b", Kind::http, true, "node.example", 443,
                "/rpc/v1?key=a%20b"},
           Case{"http://[2001:db8::1]:8545/", Kind::http, false, "2001:db8::1", 8545, "/"},
           Case{"ws://node:6800/jsonrpc", Kind::websocket, false, "node", 6800, "/jsonrpc"},
           Case{"wss://a_b-c.example", Kind::websocket, true, "a_b-c.example", 443, "/"},
           Case{"https://node?key=1", Kind::http, true, "node", 443, "/?key=1"},
       }) {
    CAPTURE(each.text);
    const auto url = parse_upstream_url(each.text);
    REQUIRE(url);
    CHECK(url->kind == each.kind);
    CHECK(url->tls == each.tls);
    CHECK(url->host == each.host);
    CHECK(url->port == each.port);
    CHECK(url->target == each.target);
    CHECK(url->socket_path.empty());
  }
}

TEST_CASE("UpstreamUrl: a Unix socket has a path and no host") {
  const auto url = parse_upstream_url("unix:///run/node.sock");
  REQUIRE(url);
  CHECK(url->kind == Kind::stream);
  CHECK(url->socket_path == "/run/node.sock");
  CHECK(url->host.empty());
  CHECK_FALSE(parse_upstream_url("unix://run/node.sock"));
  CHECK_FALSE(parse_upstream_url("unix:///" + std::string(200, 'a')));
  CHECK_FALSE(parse_upstream_url(std::string("unix:///a\0b", 11)));
}

TEST_CASE("UpstreamUrl: text that could not be sent as it stands is not a URL") {
  for (const char* text : {"",
                           "node:80",
                           "ftp://node",
                           "tcp://",
                           "tcp://node",
                           "tcp://node:0",
                           "tcp://node:65536",
                           "tcp://node:7070/",
                           "tcp://node:7070x",
                           "tcp://::1:7070",
                           "tcp://[::1]",
                           "tcp://[::1]7070",
                           "tcp://[::1:7070",
                           "tcp://[node]:7070",
                           "http://",
                           "http:///path",
                           "http://:80",
                           "http://node:",
                           "http://user@node/",
                           "http://user:word@node/",
                           "http://node/a b",
                           "http://node/\r\nX: y",
                           "http://node/#part",
                           "http://n%6fde/",
                           "HTTP://node"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_upstream_url(text));
  }
  CHECK_FALSE(parse_upstream_url("http://" + std::string(254, 'a')));
}

TEST_CASE("UpstreamUrl: Host names the port where it is not the scheme's own") {
  CHECK(parse_upstream_url("http://node:80/")->host_header() == "node");
  CHECK(parse_upstream_url("http://node:443/")->host_header() == "node:443");
  CHECK(parse_upstream_url("https://node:443/")->host_header() == "node");
  CHECK(parse_upstream_url("ws://[::1]:80/")->host_header() == "[::1]");
  CHECK(parse_upstream_url("wss://[::1]:80/")->host_header() == "[::1]:80");
}

TEST_CASE("UpstreamUrl: addresses need no resolving") {
  CHECK(parse_upstream_url("http://127.0.0.1")->is_literal());
  CHECK(parse_upstream_url("http://[::1]")->is_literal());
  CHECK_FALSE(parse_upstream_url("http://localhost")->is_literal());
  CHECK_FALSE(parse_upstream_url("http://127.1")->is_literal());
}

TEST_CASE("UpstreamUrl: a name has no empty label but the root's") {
  CHECK_FALSE(parse_upstream_url("https://.example.com"));
  CHECK_FALSE(parse_upstream_url("https://node..example"));
  CHECK_FALSE(parse_upstream_url("https://."));
  const auto rooted = parse_upstream_url("https://node.example.");
  REQUIRE(rooted);
  CHECK(rooted->name_in_tls() == "node.example");
}

TEST_CASE("UpstreamUrl: what the log calls it has no query") {
  for (const auto& [text, shown] :
       {std::pair{"https://node.example/rpc?key=secret", "https://node.example/rpc"},
        std::pair{"ws://[::1]:8546", "ws://[::1]:8546/"}, std::pair{"tcp://node:80", "tcp://node:80"},
        std::pair{"unix:///run/node.sock", "unix:///run/node.sock"}}) {
    CAPTURE(text);
    CHECK(parse_upstream_url(text)->to_string() == shown);
  }
}

}  // namespace
}  // namespace sluice::core
