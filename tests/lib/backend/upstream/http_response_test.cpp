#include "lib/backend/upstream/http_response.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <utility>

namespace sluice::core {
namespace {

HttpResponseHead head(unsigned status, std::initializer_list<std::pair<const char*, const char*>> fields) {
  boost::beast::http::response_header<> made;
  made.result(status);
  for (const auto& [name, value] : fields) made.insert(name, value);
  return made;
}

std::chrono::system_clock::time_point at(std::int64_t seconds_since_1970) {
  return std::chrono::system_clock::from_time_t(seconds_since_1970);
}

TEST_CASE("keep_alive_of: limits are read in any order, case and number of lines") {
  CHECK(*keep_alive_of(head(200, {{"Keep-Alive", "timeout=5"}})).idle == seconds(5));
  const auto both = keep_alive_of(head(200, {{"keep-alive", "MAX=99 , Timeout = 1"}}));
  CHECK(*both.idle == seconds(1));
  CHECK(*both.requests == 99);
  const auto lines = keep_alive_of(head(200, {{"Keep-Alive", "timeout=7"}, {"Keep-Alive", "max=0"}}));
  CHECK(*lines.idle == seconds(7));
  CHECK(*lines.requests == 0);
  CHECK(*keep_alive_of(head(200, {{"Keep-Alive", "timeout=99999999999"}})).idle >= seconds(1'000'000'000));
}

TEST_CASE("keep_alive_of: what makes no sense says nothing") {
  for (const char* value : {"", "timeout", "timeout=", "timeout=-1", "timeout=1s", "time=5", "=5", ",,,"}) {
    CAPTURE(value);
    const auto said = keep_alive_of(head(200, {{"Keep-Alive", value}}));
    CHECK_FALSE(said.idle);
    CHECK_FALSE(said.requests);
  }
}

TEST_CASE("retry_after_of: seconds, and dates in each of their forms") {
  const auto now = at(784'111'777 - 30);
  for (const char* value : {"30", " 30 ", "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                            "Sun Nov  6 08:49:37 1994"}) {
    CAPTURE(value);
    const auto wait = retry_after_of(head(503, {{"Retry-After", value}}), now);
    REQUIRE(wait);
    CHECK(*wait == seconds(30));
  }
}

TEST_CASE("retry_after_of: a date counts from the response's own") {
  const auto said = head(
      503, {{"Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT"}, {"Date", "Sun, 06 Nov 1994 08:49:27 GMT"}});
  CHECK(*retry_after_of(said, at(2'000'000'000)) == seconds(10));
}

TEST_CASE("retry_after_of: at most an hour, no less than nothing, and nothing where it makes no sense") {
  const auto wait = [](const char* value) {
    return retry_after_of(head(503, {{"Retry-After", value}}), at(784'111'777));
  };
  CHECK(*wait("86400") == kRetryAfterMax);
  CHECK(*wait("99999999999999999999") == kRetryAfterMax);
  CHECK(*wait("Fri, 31 Dec 9999 23:59:59 GMT") == kRetryAfterMax);
  CHECK(*wait("Sun, 06 Nov 1994 08:00:00 GMT") == milliseconds(0));
  CHECK_FALSE(wait(""));
  CHECK_FALSE(wait("-5"));
  CHECK_FALSE(wait("soon"));
  CHECK_FALSE(wait("1.5"));
  CHECK_FALSE(retry_after_of(head(503, {}), at(0)));
}

TEST_CASE("unusable_because: the cause is named, and nothing binary is shown") {
  const auto cause = [](const HttpResponseHead& of, std::string_view body) {
    return unusable_because(of, body);
  };
  const auto zipped = cause(head(200, {{"Content-Encoding", "gzip"}}), "\x1f\x8b\x08");
  CHECK(zipped == "status 200, Content-Encoding \"gzip\", which was not asked for");
  CHECK(cause(head(200, {{"Transfer-Encoding", "gzip, chunked"}}), "\x1f\x8b").find("gzip, chunked") !=
        std::string::npos);
  CHECK(cause(head(200, {}), std::string_view("a\0b", 3)) ==
        "status 200, with a body of 3 bytes that is not text");
  CHECK(cause(head(200, {{"Content-Type", "text/html"}}), "<html>") ==
        "status 200, Content-Type \"text/html\": <html>");
  CHECK(cause(head(204, {}), "") == "status 204, which has no content, without a body");
  CHECK(cause(head(200, {}), std::string(10'000, 'x')).size() < 300);
}

TEST_CASE("unusable_because: a redirect is named without what may be secret in it") {
  const auto text =
      unusable_because(head(301, {{"Location", "https://user:word@node.example/rpc?key=secret#part"}}), "");
  CHECK(text.find("\"https://node.example/rpc\"") != std::string::npos);
  CHECK(text.find("secret") == std::string::npos);
  CHECK(text.find("word") == std::string::npos);
}

TEST_CASE("is_identity: chunks are not an encoding of the content") {
  CHECK(is_identity(head(200, {})));
  CHECK(is_identity(head(200, {{"Content-Encoding", "Identity"}, {"Transfer-Encoding", "chunked"}})));
  CHECK_FALSE(is_identity(head(200, {{"Content-Encoding", "br"}})));
  CHECK_FALSE(is_identity(head(200, {{"Transfer-Encoding", "deflate"}})));
}

}  // namespace
}  // namespace sluice::core
