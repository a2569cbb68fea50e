#include "lib/transport/http/response.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <string_view>

namespace sluice::core {
namespace {

using namespace std::string_view_literals;

const TimePoint kNow = TimePoint() + std::chrono::hours(1);

// Without the date, of which only the form is known.
std::string response(const HttpResponseHead& head, std::string_view body, bool body_wanted = true) {
  std::string out = "before";
  append_response(out, head, body, body_wanted, kNow);
  const std::size_t date = out.find("Date: ");
  REQUIRE(date != std::string::npos);
  const std::size_t end = out.find("\r\n", date);
  CHECK(end - date == "Date: Thu, 01 Jan 1970 00:00:00 GMT"sv.size());
  CHECK(out.substr(end - 4, 4) == " GMT");
  return out.erase(date, end + 2 - date);
}

TEST_CASE("HTTP response: a reply has its length and its type") {
  CHECK(response({}, "{}") ==
        "beforeHTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
}

TEST_CASE("HTTP response: where there is no reply there is no body") {
  HttpResponseHead head;
  head.status = 204;
  CHECK(response(head, "") == "beforeHTTP/1.1 204 No Content\r\n\r\n");
}

TEST_CASE("HTTP response: HEAD is answered with the length alone") {
  HttpResponseHead head;
  head.status = 405;
  head.extra = "Allow: POST\r\n";
  CHECK(response(head, "{ }", false) ==
        "beforeHTTP/1.1 405 Method Not Allowed\r\nAllow: POST\r\n"
        "Content-Type: application/json\r\nContent-Length: 3\r\n\r\n");
}

TEST_CASE("HTTP response: the Connection header is sent if it differs from the version's default") {
  HttpResponseHead head;
  head.keep_alive = false;
  CHECK(response(head, "1").find("\r\nConnection: close\r\n") != std::string::npos);
  head.http11 = false;
  CHECK(response(head, "1").find("\r\nConnection: close\r\n") != std::string::npos);
  head.keep_alive = true;
  CHECK(response(head, "1").find("\r\nConnection: keep-alive\r\n") != std::string::npos);
}

TEST_CASE("HTTP response: the status is the error's") {
  CHECK(http_status(0, "{}") == 200);
  for (const int code :
       {-32700, -32600, -32601, -32602, -32603, -32002, -32008, -32010, -32011, -32013, -32800, 7, -1}) {
    CHECK(http_status(code, "{}") == 200);
  }
  CHECK(http_status(-32005, "{}") == 429);
  CHECK(http_status(-32007, "{}") == 413);
  CHECK(http_status(-32009, "{}") == 503);
  CHECK(http_status(-32012, "{}") == 503);
  CHECK(http_status(-32016, R"({"error":{"data":{"reason":"unauthenticated"}}})") == 401);
  CHECK(http_status(-32016, R"({"error":{"data":{"reason":"forbidden"}}})") == 403);
}

TEST_CASE("HTTP response: Retry-After is in whole seconds, never too early") {
  const auto after = [](const std::string& ms) {
    return headers_of_error(
        503, R"({"id":1,"error":{"code":-32009,"data":{"reason":"x","retry_after_ms":)" + ms + "}}}");
  };
  CHECK(after("0") == "Retry-After: 0\r\n");
  CHECK(after("1") == "Retry-After: 1\r\n");
  CHECK(after("1000") == "Retry-After: 1\r\n");
  CHECK(after("1001") == "Retry-After: 2\r\n");
  CHECK(headers_of_error(429, R"({"error":{"data":{"retry_after_ms":5}}})") == "Retry-After: 1\r\n");
  CHECK(headers_of_error(503, R"({"error":{"data":{"reason":"draining"}}})").empty());
  CHECK(headers_of_error(503, R"({"error":{}})").empty());
  CHECK(headers_of_error(200, R"({"error":{"data":{"retry_after_ms":5}}})").empty());
  CHECK(headers_of_error(401, "{}") == "WWW-Authenticate: Bearer\r\n");
}

}  // namespace
}  // namespace sluice::core
