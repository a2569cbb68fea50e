#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/reader.hpp"

namespace sluice::daemon {
namespace {

LoadedConfig with(const std::string& line) {
  return parse_config("[[listen]]\naddress = 'tcp://127.0.0.1:1'\n" + line + "\n", "f.toml");
}

// The settings of the one listener, in a text without errors.
core::ListenSettings listener_with(const std::string& line) {
  const LoadedConfig loaded = with(line);
  for (const ConfigError& error : loaded.errors) FAIL_CHECK(error.text());
  REQUIRE(loaded.settings.listeners.size() == 1);
  return loaded.settings.listeners.front();
}

std::string error_of(const std::string& line) {
  const LoadedConfig loaded = with(line);
  REQUIRE(loaded.errors.size() == 1);
  return loaded.errors.front().text();
}

using Texts = std::vector<std::string>;

TEST_CASE("Config of HTTP: pages may not call, and the path is the root, unless a listener says otherwise") {
  const core::ListenSettings listener = listener_with("");
  CHECK(listener.http_path == "/");
  CHECK(listener.allowed_origins.empty());
  CHECK(listener.allowed_hosts.empty());
}

TEST_CASE("Config of HTTP: each listener has its own") {
  const LoadedConfig loaded = parse_config(R"(
[[listen]]
address = "tcp://127.0.0.1:1"
http_path = "/rpc/v1"
allowed_origins = ["https://app.example", "http://localhost:3000"]
allowed_hosts = ["sluice.test", "proxy.test:8080", "[fe80::1]"]
[[listen]]
address = "unix:///a"
allowed_origins = []
)",
                                           "f.toml");
  REQUIRE(loaded.ok());
  REQUIRE(loaded.settings.listeners.size() == 2);
  const core::ListenSettings& first = loaded.settings.listeners[0];
  CHECK(first.http_path == "/rpc/v1");
  CHECK(first.allowed_origins == Texts{"https://app.example", "http://localhost:3000"});
  CHECK(first.allowed_hosts == Texts{"sluice.test", "proxy.test:8080", "[fe80::1]"});
  CHECK(loaded.settings.listeners[1].allowed_origins.empty());
  CHECK(loaded.settings.listeners[1].http_path == "/");
}

TEST_CASE("Config of HTTP: a path is absolute and has no query or fragment") {
  for (const std::string path : {"/", "/rpc", "/a/b/", "/%20"}) {
    CHECK(listener_with("http_path = '" + path + "'").http_path == path);
  }
  CHECK(error_of("http_path = 'rpc'") ==
        "f.toml:3:13: listen.http_path = \"rpc\" is not allowed; it takes a path such as \"/\" or \"/rpc\"");
  for (const std::string value :
       {"''", "'/a b'", "'/a?b'", "'/a#b'", "'http://a/'", "'/\u00e9'", "1", "['/']", "true"}) {
    CAPTURE(value);
    CHECK(error_of("http_path = " + value).starts_with("f.toml:3:13: listen.http_path = "));
  }
}

TEST_CASE("Config of HTTP: origins are as browsers send them") {
  for (const std::string origin : {"https://a.example", "http://127.0.0.1:3000", "http://[::1]:1",
                                   "chrome-extension://abc", "null", "*"}) {
    CHECK(listener_with("allowed_origins = ['" + origin + "']").allowed_origins == Texts{origin});
  }
  CHECK(error_of("  allowed_origins = ['https://a.example', 'b.example']") ==
        "f.toml:3:21: listen.allowed_origins = an array with \"b.example\" is not allowed; it takes an array "
        "of "
        "\"SCHEME://HOST[:PORT]\" with nothing behind it and no * within, \"null\" or \"*\"");
  CHECK(error_of("allowed_origins = ['*', 1]").find(" = an array with 1 is not") != std::string::npos);
  for (const std::string value : {"'https://a.example'",
                                  "['']",
                                  "['a.example']",
                                  "['https://']",
                                  "['://a']",
                                  "['https://a.example/']",
                                  "['https://a.example?x']",
                                  "['https://a b']",
                                  "['https://*.example#']",
                                  "[1]",
                                  "[['*']]",
                                  "true",
                                  "['https://*.example']",
                                  "['http://*']",
                                  "['*://a.example']",
                                  "['https://user@a.example']",
                                  "['https://a:65536']",
                                  "['http://[::1']",
                                  "['http://::1']",
                                  "['https:/a.example']",
                                  "['chrome-extension://*']"}) {
    CAPTURE(value);
    CHECK(error_of("allowed_origins = " + value).starts_with("f.toml:3:19: listen.allowed_origins = "));
  }
}

TEST_CASE("Config of HTTP: headers that pages may send are whole names, or all") {
  for (const std::string name : {"X-Tenant", "x_own.header", "*"}) {
    CHECK(listener_with("allowed_headers = ['" + name + "']").allowed_headers == Texts{name});
  }
  for (const std::string name : {"X-*", "*-Trace", "X Y", ""}) {
    CAPTURE(name);
    CHECK(
        error_of("allowed_headers = ['" + name + "']").starts_with("f.toml:3:19: listen.allowed_headers = "));
  }
}

TEST_CASE("Config of HTTP: an origin that differs in spelling only is taken, since it matches") {
  for (const std::string origin : {"https://A.example", "HTTPS://a.example", "https://a.example:443"})
    CHECK(listener_with("allowed_origins = ['" + origin + "']").allowed_origins == Texts{origin});
}

TEST_CASE("Config of HTTP: dual_stack is for IPv6 addresses") {
  CHECK(error_of("dual_stack = true").find("dual_stack") != std::string::npos);
}

TEST_CASE("Config of HTTP: hosts are names, with a port or without") {
  CHECK(error_of("allowed_hosts = ['http://a']") ==
        "f.toml:3:17: listen.allowed_hosts = an array with \"http://a\" is not allowed; it takes an array of "
        "whole names or addresses of hosts, such as \"app.lan\", \"app.lan:7070\" or \"[2001:db8::1]\"");
  for (const std::string value :
       {"'a'", "['']", "['a/b']", "['a b']", "['a@b']", "['a?']", "[1, 'a']", "{}", "['*']", "['*.a']",
        "['.a']", "['a..b']", "['a:x']", "['a:65536']", "['::1']", "['[::1']"}) {
    CAPTURE(value);
    CHECK(error_of("allowed_hosts = " + value).starts_with("f.toml:3:17: listen.allowed_hosts = "));
  }
}

TEST_CASE("Config of HTTP: these keys belong to a listener") {
  for (const std::string key : {"http_path", "allowed_origins", "allowed_hosts"}) {
    const LoadedConfig loaded = parse_config("[server]\n" + key + " = '/'\n", "f.toml");
    REQUIRE(loaded.errors.size() == 1);
    CHECK(loaded.errors.front().text() ==
          "f.toml:2:1: server." + key + " is not a known key; it belongs under [[listen]]");
  }
  CHECK(error_of("allowed_origin = []") ==
        "f.toml:3:1: listen.allowed_origin is not a known key; did you mean allowed_origins?");
}

}  // namespace
}  // namespace sluice::daemon
