#include "lib/transport/http/http_codec.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "tests/support/test_codec_host.hpp"

namespace sluice::core {
namespace {

using testing::TestCodecHost;

struct Fixture {
  Fixture() { host.codec = &codec; }
  std::string sent_for(std::string_view bytes) {
    Codec::Step step;
    while (!step.needs_more && host.takes_input() && !bytes.empty()) {
      step = codec.next(bytes);
      bytes.remove_prefix(step.consumed);
    }
    return host.take_sent();
  }

  TestCodecHost host;
  HttpCodec codec{host};
};

std::string post(std::string_view body, std::string_view headers = {}) {
  return "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + std::string(headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

constexpr std::string_view kCall = R"({"jsonrpc":"2.0","id":1,"method":"none"})";
constexpr std::string_view kNotification = R"({"jsonrpc":"2.0","method":"none"})";

TEST_CASE_FIXTURE(Fixture, "HttpCodec: pipelined requests are answered in their order") {
  const std::string sent = sent_for(post(kCall) + post(kNotification) + post("]"));
  const std::size_t first = sent.find("HTTP/1.1 200");
  const std::size_t second = sent.find("HTTP/1.1 204");
  const std::size_t third = sent.find("-32700");
  CHECK(first == 0);
  CHECK(second != std::string::npos);
  CHECK(second < third);
  CHECK(third != std::string::npos);
  CHECK_FALSE(host.ended);
  CHECK(codec.held_bytes() == 0);
}

TEST_CASE_FIXTURE(Fixture, "HttpCodec: a request that asks for the end of the connection ends the input") {
  CHECK(sent_for(post(kCall, "Connection: close\r\n")).find("Connection: close\r\n") != std::string::npos);
  CHECK(host.ended == CloseReason::finished);
}

TEST_CASE_FIXTURE(Fixture, "HttpCodec: the last request of a draining connection ends the input") {
  host.drain();
  sent_for(post(kCall));
  CHECK(host.ended == CloseReason::draining);
}

TEST_CASE_FIXTURE(Fixture, "HttpCodec: a request that is not HTTP is answered and ends the input") {
  CHECK(sent_for("POST / HTTP/1.1\r\nHost : x\r\n\r\n").starts_with("HTTP/1.1 400"));
  CHECK(host.ended == CloseReason::framing_lost);
}

TEST_CASE_FIXTURE(Fixture, "HttpCodec: a request that takes too long is answered and ends the input") {
  CHECK_FALSE(codec.time_out());
  sent_for("POST / HTTP/1.1\r\n");
  CHECK(codec.in_message());
  CHECK(codec.time_out());
  CHECK(host.take_sent().starts_with("HTTP/1.1 408"));
  CHECK(host.ended == CloseReason::message_timeout);
}

TEST_CASE_FIXTURE(Fixture, "HttpCodec: an upgrade is accepted, and the connection is asked for WebSocket") {
  const std::string sent = sent_for(
      "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  CHECK(sent.starts_with("HTTP/1.1 101"));
  CHECK(sent.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") != std::string::npos);
  CHECK(host.upgraded);
}

constexpr std::string_view kAcceptsEvents = "Accept: application/json, text/event-stream\r\n";

TEST_CASE_FIXTURE(Fixture, "HttpCodec: an error is an ordinary response, whatever types are accepted") {
  host.subscribed = true;
  CHECK(sent_for(post(kCall, kAcceptsEvents)).find("Content-Type: application/json") != std::string::npos);
  CHECK(sent_for(post(kCall)).starts_with("HTTP/1.1 200"));
  CHECK(codec.held_bytes() == 0);
}

TEST_CASE_FIXTURE(
    Fixture, "HttpCodec: an ordinary response ends the connection as asked, whatever types are accepted") {
  sent_for(post(kCall, std::string(kAcceptsEvents) + "Connection: close\r\n"));
  CHECK(host.ended == CloseReason::finished);
}

}  // namespace
}  // namespace sluice::core
