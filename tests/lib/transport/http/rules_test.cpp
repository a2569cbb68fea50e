#include "lib/transport/http/rules.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace sluice::core {
namespace {

HttpRequestHead call() {
  HttpRequestHead head;
  head.method = "POST";
  head.target = "/";
  head.host = "localhost";
  head.content_type = "application/json";
  head.http11 = head.has_host = head.keep_alive = true;
  return head;
}

HttpRequestHead call_to(std::string_view host) {
  HttpRequestHead head = call();
  head.host = host;
  return head;
}

HttpRequestHead call_from(std::string_view origin) {
  HttpRequestHead head = call();
  head.has_origin = true;
  head.origin = origin;
  return head;
}

ListenerPolicy loopback() {
  ListenerPolicy policy;
  policy.loopback_names_only = true;
  return policy;
}

// 0 where the request may go on.
int status_of(const HttpRequestHead& head, const ListenerPolicy& policy = loopback()) {
  const auto checked = check_request(head, policy);
  return checked ? 0 : checked.error().status;
}

TEST_CASE("HTTP rules: a loopback listener is called by this machine's names") {
  for (const std::string_view host : {"localhost",    "LOCALHOST:7070",     "LocalHost:",
                                      "127.0.0.1",    "127.0.0.1:65535",    "127.255.255.254",
                                      "[::1]",        "[::1]:80",           "[0:0:0:0:0:0:0:1]:7070",
                                      "[0000::0001]", "[::ffff:127.0.0.1]", "[::FFFF:7f00:1]:1",
                                      "localhost.",   "LOCALHOST.:7070",    "127.0.0.1.",
                                      "127.1",        "127.0.1:80",         "127.0.0.",
                                      "0x7F.1",       "2130706433",         "a.localhost"}) {
    CAPTURE(host);
    CHECK(status_of(call_to(host)) == 0);
  }
  for (const std::string_view host : {"",
                                      ":80",
                                      "example.org",
                                      "127.0.0.1.evil.com",
                                      "localhost.evil.com",
                                      "evil.com:127.0.0.1",
                                      "127.0.0.0.1",
                                      "127..0.1",
                                      "0127.0.0.1",
                                      "0.0.0.0",
                                      "0",
                                      "::1",
                                      "[::1",
                                      "[",
                                      "[]",
                                      "[::2]",
                                      "[::ffff:128.0.0.1]",
                                      "[::1%lo]",
                                      "localhost..",
                                      "localhost:65536",
                                      "127.0.0.1 ",
                                      "2130706433.evil.com",
                                      "[::1]x",
                                      "[::1].evil.com",
                                      "[::1]:x",
                                      "localhost:80:80",
                                      "localhost:x",
                                      "localhost:80x",
                                      "user@localhost",
                                      "localhost@evil.com",
                                      "localhost,evil.com",
                                      "localhost evil.com",
                                      "xlocalhost",
                                      "128.0.0.1"}) {
    CAPTURE(host);
    const auto checked = check_request(call_to(host), loopback());
    REQUIRE_FALSE(checked);
    CHECK(checked.error().status == 403);
    CHECK(checked.error().error.code == -32016);
  }
}

TEST_CASE("HTTP rules: a listener that names can't rebind to takes any host") {
  for (const std::string_view host : {"", "example.org", "["})
    CHECK(status_of(call_to(host), ListenerPolicy()) == 0);
}

TEST_CASE("HTTP rules: a client that names no host is not a browser") {
  HttpRequestHead head = call();
  head.http11 = head.has_host = false;
  head.host.clear();
  CHECK(status_of(head) == 0);
}

TEST_CASE("HTTP rules: allowed hosts have their port or any") {
  ListenerPolicy policy = loopback();
  policy.allowed_hosts = {"sluice.test", "proxy.test:8080"};
  for (const std::string_view host :
       {"sluice.test", "SLUICE.test:1", "proxy.test:8080", "Proxy.Test:8080", "localhost"}) {
    CAPTURE(host);
    CHECK(status_of(call_to(host), policy) == 0);
  }
  for (const std::string_view host : {"proxy.test", "proxy.test:80", "proxy.test:80800", "sluice.test..",
                                      "a.sluice.test", "sluice.test.evil.com", "sluice.test:x"}) {
    CAPTURE(host);
    CHECK(status_of(call_to(host), policy) == 403);
  }
}

TEST_CASE("HTTP rules: an allowed host counts in any spelling, and so do the hosts file's names") {
  ListenerPolicy policy = loopback();
  policy.allowed_hosts = {"Sluice.Test.", "[2001:db8:0::1]:80", "192.0.2.1"};
  policy.loopback_names = {"3f2a9c1b7d4e", "box", "box.lan", "host.4a"};
  for (const std::string_view host : {"sluice.test", "SLUICE.TEST.:99", "[2001:DB8::1]:80", "192.0.2.1:1",
                                      "BOX", "box.lan:7070", "Box.Lan.", "3f2a9c1b7d4e:7070", "host.4a"}) {
    CAPTURE(host);
    CHECK(status_of(call_to(host), policy) == 0);
  }
  for (const std::string_view host : {"[2001:db8::1]:81", "[2001:db8::1]", "192.0.2.2", "box2", "lan"}) {
    CAPTURE(host);
    CHECK(status_of(call_to(host), policy) == 403);
  }
}

TEST_CASE("HTTP rules: behind a proxy the peer's address says whether it is on this machine") {
  CHECK_FALSE(check_request(call_to("api.example"), loopback(), false));
  CHECK(check_request(call_to("api.example"), loopback(), true));
  HttpRequestHead head = call_to("api.example");
  head.has_origin = true;
  head.origin = "http://api.example";
  CHECK_FALSE(check_request(head, loopback(), true));
}

TEST_CASE("HTTP rules: the server's own address as Origin is not a foreign page, if the name was checked") {
  const auto status = [](std::string_view host, std::string_view origin, const ListenerPolicy& policy) {
    HttpRequestHead head = call_from(origin);
    head.host = host;
    return status_of(head, policy);
  };
  struct Row {
    std::string_view host, origin;
  };
  for (const auto& [host, origin] : {Row{"127.0.0.1:7070", "http://127.0.0.1:7070"},
                                     {"localhost:7070", "https://LOCALHOST:7070"},
                                     {"localhost", "http://localhost"},
                                     {"localhost", "http://localhost:80"},
                                     {"localhost", "https://localhost"},
                                     {"[::1]:7070", "ws://[0:0::1]:7070"}}) {
    CAPTURE(origin);
    CHECK(status(host, origin, loopback()) == 0);
    CHECK(status(host, origin, ListenerPolicy()) == 403);
  }
  for (const auto& [host, origin] : {Row{"127.0.0.1:7070", "http://127.0.0.1:3000"},
                                     {"127.0.0.1:7070", "http://127.0.0.1"},
                                     {"localhost:7070", "http://127.0.0.1:7070"},
                                     {"localhost:7070", "http://evil.example:7070"},
                                     {"localhost:7070", "null"},
                                     {"localhost:7070", "file://localhost:7070"},
                                     {"localhost:443", "http://localhost"},
                                     {"evil.example", "http://evil.example"}}) {
    CAPTURE(origin);
    CHECK(status(host, origin, loopback()) == 403);
  }
}

TEST_CASE("HTTP rules: the host of an absolute target counts as well") {
  const auto status = [](std::string_view target) {
    HttpRequestHead head = call();
    head.target = target;
    return status_of(head);
  };
  for (const std::string_view target :
       {"http://localhost/", "HTTP://127.0.0.1:80", "http://[::1]?x", "http://localhost/?x/y"}) {
    CAPTURE(target);
    CHECK(status(target) == 0);
  }
  for (const std::string_view target : {"http://evil.com/", "http://", "http:///", "http://?",
                                        "http://localhost@evil.com/", "http://evil.com"}) {
    CAPTURE(target);
    CHECK(status(target) == 403);
  }
}

TEST_CASE("HTTP rules: an origin has to be allowed, and a client without one is not a browser") {
  ListenerPolicy policy = loopback();
  CHECK(status_of(call(), policy) == 0);
  CHECK(status_of(call_from("https://app.example"), policy) == 403);
  CHECK(status_of(call_from("http://localhost:3000"), policy) == 403);
  CHECK(status_of(call_from(""), policy) == 403);
  policy.allowed_origins = {"https://app.example", "http://localhost:3000"};
  CHECK(status_of(call_from("https://app.example"), policy) == 0);
  CHECK(status_of(call_from("https://APP.example"), policy) == 0);
  CHECK(status_of(call_from("https://app.example:443"), policy) == 0);
  CHECK(status_of(call_from("http://localhost:3000"), policy) == 0);
  for (const std::string_view origin :
       {"", "null", "*", "http://app.example", "https://app.example.evil.com", "https://app.example/",
        "http://localhost:1", "https://app.example https://evil.com"}) {
    CAPTURE(origin);
    CHECK(status_of(call_from(origin), policy) == 403);
  }
  policy.allowed_origins = {"*"};
  CHECK(status_of(call_from("null"), policy) == 0);
}

TEST_CASE("HTTP rules: the path is the listener's, whatever its query") {
  const auto status = [](std::string_view path, std::string_view target) {
    ListenerPolicy policy = loopback();
    policy.http_path = path;
    HttpRequestHead head = call();
    head.target = target;
    return status_of(head, policy);
  };
  for (const std::string_view target : {"/", "/?", "/?a=/b"}) CHECK(status("/", target) == 0);
  for (const std::string_view target : {"/rpc", "/rpc?x", "http://localhost/rpc"})
    CHECK(status("/rpc", target) == 0);
  for (const std::string_view target : {"", "*", "//", "/x", "/.", "/%2f", "/#", "x", "https://localhost/"}) {
    CAPTURE(target);
    CHECK(status("/", target) == (target.empty() ? 0 : 404));
  }
  for (const std::string_view target : {"/", "/rpc/", "/RPC", "/rpcx", "/rp"})
    CHECK(status("/rpc", target) == 404);
}

TEST_CASE("HTTP rules: only POST of JSON is a call") {
  HttpRequestHead head = call();
  for (const std::string_view method :
       {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "post", "POSTX", "X"}) {
    CAPTURE(method);
    head.method = method;
    CHECK(status_of(head) == 405);
  }
  head = call();
  for (const std::string_view type :
       {"application/json", "APPLICATION/JSON", "application/json;charset=utf-8",
        "application/json \t; x=\"y\"", "application/json;", "application/json-rpc",
        "application/jsonrequest"}) {
    CAPTURE(type);
    head.content_type = type;
    CHECK(status_of(head) == 0);
  }
  for (const std::string_view type :
       {"", ";", "text/plain", "text/json", "application/json5", "application/jsonp", "application/json, x/y",
        "x/y; application/json", "application / json", "application/x-www-form-urlencoded",
        "multipart/form-data"}) {
    CAPTURE(type);
    head.content_type = type;
    CHECK(status_of(head) == 415);
  }
}

TEST_CASE("HTTP rules: an encoded body is not taken for a plain one") {
  HttpRequestHead head = call();
  for (const std::string_view coding : {"", "identity", "Identity, identity", " , "}) {
    head.content_encoding = coding;
    CHECK(status_of(head) == 0);
  }
  for (const std::string_view coding : {"gzip", "br", "identity, gzip", "x"}) {
    head.content_encoding = coding;
    const auto checked = check_request(head, loopback());
    REQUIRE_FALSE(checked);
    CHECK(checked.error().status == 415);
    CHECK(checked.error().headers == "Accept-Encoding: identity\r\n");
  }
}

TEST_CASE("HTTP rules: health is asked by GET or HEAD, where it does not stand in the way of calls") {
  HttpRequestHead head = call();
  head.target = "/readyz?x";
  for (const std::string_view method : {"GET", "HEAD"}) {
    head.method = method;
    CHECK(status_of(head) == 0);
    CHECK(purpose_of(head, loopback()) == HttpPurpose::health);
  }
  for (const std::string_view method : {"POST", "PUT", "PROPFIND"}) {
    head.method = method;
    const auto checked = check_request(head, loopback());
    REQUIRE_FALSE(checked);
    CHECK(checked.error().status == 405);
    CHECK(checked.error().headers == "Allow: GET, HEAD\r\n");
  }
  head.method = "GET";
  head.host = "evil.example";
  CHECK(status_of(head) == 403);
  ListenerPolicy policy = loopback();
  head.host = "localhost";
  policy.health_path = "";
  CHECK(status_of(head, policy) == 404);
  policy.health_path = policy.http_path = "/readyz";
  CHECK(status_of(head, policy) == 0);
  CHECK(purpose_of(head, policy) == HttpPurpose::health);
  head.names_websocket = true;
  CHECK(purpose_of(head, policy) == HttpPurpose::websocket);
  head.names_websocket = false;
  head.method = "POST";
  CHECK(purpose_of(head, policy) == HttpPurpose::call);
}

TEST_CASE("HTTP rules: the first subprotocol offered that is spoken is chosen") {
  ListenerPolicy policy;
  CHECK(chosen_subprotocol("jsonrpc", policy) == "jsonrpc");
  CHECK(chosen_subprotocol("chat,  mcp , jsonrpc", policy) == "mcp");
  CHECK(chosen_subprotocol("", policy) == "");
  CHECK(chosen_subprotocol("chat, superchat", policy) == "");
  policy.subprotocols = {"superchat"};
  CHECK(chosen_subprotocol("chat, superchat", policy) == "superchat");
}

TEST_CASE("HTTP rules: pages may send usual headers and the configured ones") {
  ListenerPolicy policy;
  policy.allowed_headers = {"x-tenant"};
  const std::string headers = preflight_headers(policy);
  for (const std::string_view name : {"authorization", "content-type", "traceparent", "tracestate", "baggage",
                                      "sluice-timeout-ms", "x-tenant"})
    CHECK(headers.find(name) != std::string::npos);
}

TEST_CASE("HTTP rules: an expectation that is not known is not met") {
  HttpRequestHead head = call();
  head.expects_continue = true;
  CHECK(status_of(head) == 0);
  head.expects_other = true;
  CHECK(status_of(head) == 417);
}

TEST_CASE("HTTP rules: a page's question before its call is answered where it may call") {
  ListenerPolicy policy = loopback();
  policy.allowed_origins = {"https://app.example"};
  HttpRequestHead head = call_from("https://app.example");
  head.method = "OPTIONS";
  head.content_type.clear();
  CHECK(status_of(head, policy) == 0);
  CHECK(purpose_of(head) == HttpPurpose::preflight);
  head.target = "/other";
  CHECK(status_of(head, policy) == 404);
  head.target = "/";
  head.origin = "https://evil.example";
  CHECK(status_of(head, policy) == 403);
}

TEST_CASE("HTTP rules: a foreign page learns nothing about this server") {
  HttpRequestHead head = call_from("https://evil.example");
  head.target = "/other";
  head.method = "GET";
  CHECK(status_of(head) == 403);
  head = call_to("evil.example");
  head.target = "/other";
  CHECK(status_of(head) == 403);
}

TEST_CASE("HTTP rules: a request to upgrade has to be WebSocket's version 13, by GET") {
  HttpRequestHead head = call();
  head.method = "GET";
  head.names_websocket = head.upgrade_websocket = true;
  head.websocket_version = "13";
  CHECK(status_of(head) == 0);
  CHECK(purpose_of(head) == HttpPurpose::websocket);
  head.websocket_version = "8";
  CHECK(status_of(head) == 426);
  head.websocket_version = "13";
  head.http11 = false;
  CHECK(status_of(head) == 400);
  head.http11 = true;
  head.upgrade_websocket = false;
  CHECK(status_of(head) == 400);
  head.upgrade_websocket = head.has_body = true;
  CHECK(status_of(head) == 400);
  head.has_body = head.keep_alive = false;
  CHECK(status_of(head) == 400);
  head.method = "POST";
  CHECK(purpose_of(head) == HttpPurpose::call);
}

TEST_CASE("HTTP rules: a bearer's token follows the scheme") {
  CHECK(bearer_token("Bearer abc") == "abc");
  CHECK(bearer_token("bearer  abc \t") == "abc");
  CHECK(bearer_token("Bearer ") == "");
  CHECK_FALSE(bearer_token("Basic abc"));
  CHECK_FALSE(bearer_token("Bearer"));
  CHECK_FALSE(bearer_token(""));
}

}  // namespace
}  // namespace sluice::core
