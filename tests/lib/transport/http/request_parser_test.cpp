#include "lib/transport/http/request_parser.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/http_replay.hpp"

namespace sluice::core {
namespace {

using namespace testing;
using namespace std::string_literals;

constexpr std::size_t kLimit = 64;

std::string post(const std::string& fields, const std::string& body = "") {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body;
}

std::string chunked(const std::string& body) { return post("Transfer-Encoding: chunked\r\n", body); }

// Whole, byte by byte, and cut in two at every position.
void check_every_split(std::string_view input, HttpStatus status, std::size_t consumed,
                       const std::string& head, std::string_view body) {
  CAPTURE(input);
  const auto check = [&](const ParsedHttp& parsed) {
    CHECK(parsed.status == status);
    if (status != HttpStatus::complete) return;
    CHECK(parsed.consumed == consumed);
    CHECK(in_short(parsed.head) == head);
    CHECK(parsed.body == body);
  };
  check(replay_http_whole(kLimit, input));
  check(replay_http(kLimit, input, [](std::size_t) { return std::size_t{1}; }));
  for (std::size_t cut = 1; cut < input.size(); ++cut) {
    CAPTURE(cut);
    check(replay_http(kLimit, input, [&](std::size_t at) { return at == 0 ? cut : input.size(); }));
  }
}

void check_refused(const std::string& input, HttpStatus status = HttpStatus::bad_request) {
  // The bytes behind it are not read.
  check_every_split(input + "GET / HTTP/1.1\r\nHost: b\r\n\r\n", status, 0, "", "");
}

struct Row {
  std::string bytes;
  std::string body;
};

const std::vector<Row>& served() {
  static const std::vector<Row> rows = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""},
      {"GET / HTTP/1.0\r\n\r\n", ""},
      {"post http://a:1/b?c#d HTTP/1.1\r\nHost:\r\n\r\n", ""},
      {post("Content-Length: 0\r\n"), ""},
      {post("Content-Length: 0000000000000000000000003\r\n", "{ }"), "{ }"},
      {post("content-LENGTH:\t3 \t\r\n", "\r\n\r"), "\r\n\r"},
      {post("Content-Length: 64\r\n", std::string(64, 'x')), std::string(64, 'x')},
      {post("X: \x80\xff \t y\r\nX: \"\\\r\nContent_Length: 7\r\nContent-Length: 1\r\n", "1"), "1"},
      {post("Origin: o\r\nContent-Type: t; x\r\nAuthorization: Bearer b\r\nSluice-Timeout-Ms: 5\r\n"
            "TraceParent: 00-1\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\nUpgrade: x, "
            "WebSocket\r\n"
            "Connection: keep-alive, Upgrade\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n",
            "1"),
       "1"},
      {chunked("0\r\n\r\n"), ""},
      {chunked("000\r\n\r\n"), ""},
      {chunked("3\r\nabc\r\n0\r\n\r\n"), "abc"},
      {chunked("1\r\n\r\r\n1\r\n\n\r\n0\r\n\r\n"), "\r\n"},
      {chunked("1;a\r\nx\r\n002 ; b = \"q\\\" \t;\" ;c=d\r\nyz\r\n00;e\r\nA: b\r\nHost: c\r\n\r\n"), "xyz"},
      {chunked("3A\r\n" + std::string(58, 'y') + "\r\n6\r\nzzzzzz\r\n0\r\n\r\n"),
       std::string(58, 'y') + "zzzzzz"},
  };
  return rows;
}

TEST_CASE("HTTP request parser: however a request is cut up, it is the same") {
  for (const Row& row : served()) {
    CAPTURE(row.bytes);
    const ParsedHttp whole = replay_http_whole(kLimit, row.bytes);
    REQUIRE(whole.status == HttpStatus::complete);
    CHECK(whole.consumed == row.bytes.size());
    CHECK(whole.body == row.body);
    // With the next one behind it.
    check_every_split(row.bytes + "POST /next HTTP/1.1\r\n", HttpStatus::complete, row.bytes.size(),
                      in_short(whole.head), row.body);
  }
}

TEST_CASE("HTTP request parser: before its end a request is incomplete") {
  for (const Row& row : served()) {
    CAPTURE(row.bytes);
    for (std::size_t size = 0; size < row.bytes.size(); ++size) {
      CAPTURE(size);
      CHECK(replay_http_whole(kLimit, row.bytes.substr(0, size)).status == HttpStatus::need_more);
    }
  }
}

TEST_CASE("HTTP request parser: the head has the parts that the server uses") {
  const HttpRequestHead head = replay_http_whole(kLimit, served()[8].bytes).head;
  CHECK(in_short(head) == "POST|/|a|o|t; x|Bearer b|5|00-1|k|13|11111101");
  const HttpRequestHead old = replay_http_whole(kLimit, served()[1].bytes).head;
  CHECK(in_short(old) == "GET|/|||||||||00000000");
}

TEST_CASE("HTTP request parser: several trace contexts are ignored") {
  const auto trace = [](const std::string& lines) {
    const ParsedHttp parsed = replay_http_whole(kLimit, "GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n");
    REQUIRE(parsed.status == HttpStatus::complete);
    return parsed.head.traceparent;
  };
  CHECK(trace("traceparent: 00-1\r\n") == "00-1");
  CHECK(trace("traceparent: 00-1\r\nTraceParent: 00-2\r\n").empty());
  CHECK(trace("traceparent: 00-1\r\ntraceparent: 00-2\r\ntraceparent: 00-3\r\n").empty());
}

TEST_CASE("HTTP request parser: a connection is kept as its version and the request have it") {
  const auto kept = [](const std::string& start, const std::string& connection) {
    return replay_http_whole(kLimit, start + "\r\nHost: a\r\n" + connection + "\r\n").head.keep_alive;
  };
  CHECK(kept("GET / HTTP/1.1", ""));
  CHECK_FALSE(kept("GET / HTTP/1.1", "Connection: close\r\n"));
  CHECK_FALSE(kept("GET / HTTP/1.1", "Connection: keep-alive\r\nConnection: x, CLOSE\r\n"));
  CHECK_FALSE(kept("GET / HTTP/1.0", ""));
  CHECK(kept("GET / HTTP/1.0", "Connection: Keep-Alive\r\n"));
}

TEST_CASE("HTTP request parser: HTTP/1.0 has no expectations") {
  const auto head = [](const std::string& version, const std::string& expectation) {
    return replay_http_whole(kLimit,
                             "POST / HTTP/" + version + "\r\nHost: a\r\nExpect: " + expectation + "\r\n\r\n")
        .head;
  };
  CHECK(head("1.1", "100-continue").expects_continue);
  CHECK(head("1.1", "x").expects_other);
  CHECK_FALSE(head("1.0", "100-continue").expects_continue);
  CHECK_FALSE(head("1.0", "x").expects_other);
}

TEST_CASE("HTTP request parser: two framings are refused") {
  check_refused(post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"));
  check_refused(post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"));
  check_refused(post("Content-Length: 1\r\nContent-Length: 2\r\n", "1"));
  check_refused(post("Content-Length: 1\r\nContent-Length: 1\r\n", "1"));
  check_refused(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"));
  check_refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
}

TEST_CASE("HTTP request parser: a length is digits") {
  for (const std::string length :
       {"", "+1", "-1", "1, 1", "1 1", "0x1", "1.0", "1,", ",1", "\"1\"", "a", "18446744073709551617"}) {
    CAPTURE(length);
    check_refused(post("Content-Length: " + length + "\r\n", "1"));
  }
}

TEST_CASE("HTTP request parser: encodings other than chunked are not supported") {
  for (const std::string encoding : {"gzip", "gzip, chunked", "chunked, chunked", "chunked, identity",
                                     "identity", "xchunked", "chunked;q=1", "chunked,", "\"chunked\"", ""}) {
    CAPTURE(encoding);
    check_refused(post("Transfer-Encoding: " + encoding + "\r\n", "0\r\n\r\n"), HttpStatus::unsupported);
  }
}

TEST_CASE("HTTP request parser: folded lines are refused, also those of nothing") {
  for (const std::string fields :
       {"X: a\r\n b\r\n", "X:\r\n b\r\n", "X:\r\n \r\n", "X: a\r\n\t\r\n",
        "Transfer-Encoding:\r\n chunked\r\n", "Content-Length:\r\n 1\r\n", "Connection: close\r\n ,x\r\n"}) {
    CAPTURE(fields);
    check_refused(post(fields, "0\r\n\r\n"));
  }
  check_refused("GET / HTTP/1.1\r\n Host: a\r\n\r\n");
}

TEST_CASE("HTTP request parser: lines end with CRLF and nothing else") {
  check_refused("GET / HTTP/1.1\nHost: a\n\n");
  check_refused("GET / HTTP/1.1\r\nHost: a\n\r\n");
  check_refused("GET / HTTP/1.1\r\nHost: a\r\n\n");
  check_refused(post("X: a\nY: b\r\n"));
  check_refused(post("X: a\rY: b\r\n"));
  check_refused(post("X: a\r\r\n"));
  check_refused(chunked("1\nx\r\n0\r\n\r\n"));
  check_refused(chunked("1\r\nx\n0\r\n\r\n"));
  check_refused(chunked("1;a=\"\n\"\r\nx\r\n0\r\n\r\n"));
  check_refused(chunked("1;a=\"\r\"\r\nx\r\n0\r\n\r\n"));
  check_refused(chunked("1;a=\"\r\n\"\r\nx\r\n0\r\n\r\n"));
  check_refused(chunked("0;a=\"\n\"\r\n\r\n"));
  // Also where what comes behind never closes the quotes.
  check_refused(chunked("1;a=\"\r\nx\r\n0\r\n\r\n"));
  check_refused(chunked("1\r\nx\r\n1;a=\"\\\"\r\nx\r\n0\r\n\r\n"));
  check_refused(chunked("0;a=\"\r\n\r\n"));
  check_refused(chunked("0\r\nX: a\nY: b\r\n\r\n"));
}

TEST_CASE("HTTP request parser: a malformed head is refused") {
  for (const std::string& head : {"GET\r\n\r\n"s,
                                  "GET /\r\n\r\n"s,
                                  "GET  HTTP/1.1\r\n\r\n"s,
                                  "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"s,
                                  "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"s,
                                  "GET / HTTP/2.0\r\nHost: a\r\n\r\n"s,
                                  "GET / HTTP/1.2\r\nHost: a\r\n\r\n"s,
                                  "GET / http/1.1\r\nHost: a\r\n\r\n"s,
                                  "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"s,
                                  "G\xffT / HTTP/1.1\r\nHost: a\r\n\r\n"s,
                                  "GET / HTTP/1.1\r\n\r\n"s,
                                  post("Host: b\r\n"),
                                  post("X : a\r\n"),
                                  post("X\t: a\r\n"),
                                  post(": a\r\n"),
                                  post("X\r\n"),
                                  post("X\0: a\r\n"s),
                                  post("X: a\0b\r\n"s),
                                  post("X: \x7f\r\n"),
                                  post("X: \x01\r\n"),
                                  post("Origin: a\r\nOrigin: a\r\n"),
                                  post("Content-Type: a\r\nContent-Type: a\r\n"),
                                  post("Connection: a b\r\n")}) {
    check_refused(head);
  }
}

TEST_CASE("HTTP request parser: a malformed chunk is refused") {
  for (const std::string text :
       {"\r\n\r\n\r\n", "x\r\n\r\n\r\n", "+1\r\nx\r\n", "-1\r\nx\r\n", "0x1\r\nx\r\n", " 1\r\nx\r\n",
        "1 \r\nx\r\n", "1;\r\nx\r\n", "1;=\r\nx\r\n", "1;a=\r\nx\r\n", "1;a=\"\r\nx\r\n0\r\n\"\r\n",
        "1,1\r\nx\r\n", "1\r\nxy\r\n", "10000000000000001\r\nx\r\n", "0\r\nX\r\n\r\n", "0\r\n: x\r\n\r\n",
        "0\r\nContent-Length: 1\r\n\r\n", "0\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    CAPTURE(text);
    check_refused(chunked(text));
  }
}

TEST_CASE("HTTP request parser: a body over the limit is refused as soon as that is known") {
  check_refused(post("Content-Length: 65\r\n"), HttpStatus::body_too_large);
  check_refused(post("Content-Length: 18446744073709551615\r\n"), HttpStatus::body_too_large);
  check_refused(chunked("41\r\n"), HttpStatus::body_too_large);
  check_refused(chunked("FFFFFFFFFFFFFFFF\r\n"), HttpStatus::body_too_large);
  check_refused(chunked("1\r\nx\r\n40\r\n"), HttpStatus::body_too_large);
}

// Cut where bounds could be missed.
void check_bound(const std::string& input, HttpStatus status) {
  CHECK(replay_http_whole(kLimit, input).status == status);
  CHECK(replay_http(kLimit, input, [](std::size_t) { return std::size_t{1}; }).status == status);
  for (const std::size_t size : {7, 1000, 4096, 4097, 16383, 16384, 16385}) {
    CAPTURE(size);
    CHECK(replay_http(kLimit, input, [=](std::size_t) { return size; }).status == status);
  }
}

TEST_CASE("HTTP request parser: a head has one bound for all that is in it") {
  const auto head = [](std::size_t target, std::size_t size) {
    std::string text = "GET /" + std::string(target, 'a') + " HTTP/1.1\r\nHost: a\r\nX: ";
    text.append(size - text.size() - 4, 'b');
    return text + "\r\n\r\n";
  };
  for (const std::size_t target : {0, 8000, 16000}) {
    CAPTURE(target);
    check_bound(head(target, kHttpHeaderBytesMax), HttpStatus::complete);
    check_bound(head(target, kHttpHeaderBytesMax + 1), HttpStatus::header_too_large);
    check_bound(head(target, 2 * kHttpHeaderBytesMax - 100), HttpStatus::header_too_large);
  }
  check_bound("GET /" + std::string(2 * kHttpHeaderBytesMax, 'a'), HttpStatus::header_too_large);
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  while (many.size() < 2 * kHttpHeaderBytesMax) many += "X: y\r\n";
  check_bound(many, HttpStatus::header_too_large);
}

TEST_CASE("HTTP request parser: a chunk's line is bounded, and so are trailers") {
  const std::string filler(kHttpChunkLineBytesMax, 'a');
  const auto cut = [&](std::size_t more) { return filler.substr(0, kHttpChunkLineBytesMax - more); };
  check_bound(chunked("1;" + cut(4) + "\r\nx\r\n0\r\n\r\n"), HttpStatus::complete);
  check_bound(chunked("1;" + cut(3) + "\r\nx\r\n0\r\n\r\n"), HttpStatus::bad_request);
  check_bound(chunked("1\r\nx\r\n1;" + cut(6) + "\r\nx\r\n0\r\n\r\n"), HttpStatus::complete);
  check_bound(chunked("1\r\nx\r\n1;" + cut(5) + "\r\nx\r\n0\r\n\r\n"), HttpStatus::bad_request);
  check_bound(chunked("0\r\nX: " + cut(10) + "\r\n\r\n"), HttpStatus::complete);
  check_bound(chunked("0\r\nX: " + cut(9) + "\r\n\r\n"), HttpStatus::bad_request);
  check_bound(chunked(std::string(kHttpChunkLineBytesMax, '0') + "\r\n\r\n"), HttpStatus::bad_request);
}

TEST_CASE("HTTP request parser: a body that is not wanted is parsed and dropped") {
  HttpRequestParser parser(kLimit, {});
  const std::string head = post("Content-Length: 5\r\n");
  REQUIRE(parser.parse(head).status == HttpStatus::need_more);
  parser.discard_body();
  CHECK(parser.parse("123").consumed == 3);
  const auto end = parser.parse("45GET");
  CHECK(end.status == HttpStatus::complete);
  CHECK(end.consumed == 2);
  CHECK(parser.body().empty());
}

TEST_CASE("HTTP request parser: a length that is announced takes no memory") {
  HttpRequestParser parser(std::size_t{1} << 40, {});
  REQUIRE(parser.parse(post("Content-Length: 1099511627776\r\n", "x")).status == HttpStatus::need_more);
  CHECK(parser.body() == "x");
  CHECK(parser.body().capacity() <= 64 * 1024);
}

}  // namespace
}  // namespace sluice::core
