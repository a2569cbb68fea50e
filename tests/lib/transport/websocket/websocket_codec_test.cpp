#include "lib/transport/websocket/websocket_codec.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "proto/websocket_writer.hpp"
#include "tests/support/test_codec_host.hpp"

namespace sluice::core {
namespace {

using testing::TestCodecHost;

// A client's frame. Its mask is zero, which leaves the payload as it is.
std::string frame(int opcode, std::string_view payload) {
  std::string bytes;
  bytes += static_cast<char>(0x80 | opcode);
  bytes += static_cast<char>(0x80 | payload.size());
  return bytes.append(4, '\0').append(payload);
}

constexpr int kText = 1;
constexpr int kClose = 8;
constexpr int kPing = 9;

struct Fixture {
  Fixture() { host.codec = &codec; }
  std::string sent_for(std::string_view bytes) {
    Codec::Step step;
    while (!step.needs_more && host.takes_input()) {
      step = codec.next(bytes);
      bytes.remove_prefix(step.consumed);
    }
    return host.take_sent();
  }

  TestCodecHost host;
  WebSocketCodec codec{host, PageClaim{}};
};

TEST_CASE_FIXTURE(Fixture, "WebSocketCodec: the reply to a text message is a text message") {
  const std::string sent = sent_for(frame(kText, R"({"jsonrpc":"2.0","id":1,"method":"none"})"));
  REQUIRE(sent.size() > 2);
  CHECK(sent[0] == static_cast<char>(0x81));
  CHECK(sent.find(R"("code":-32601)") != std::string::npos);
  CHECK_FALSE(codec.in_message());
}

TEST_CASE_FIXTURE(Fixture, "WebSocketCodec: a ping is answered by its pong") {
  std::string pong;
  proto::append_pong(pong, "still there?");
  CHECK(sent_for(frame(kPing, "still there?")) == pong);
}

TEST_CASE_FIXTURE(Fixture, "WebSocketCodec: a client's close ends the input, and is answered with its code") {
  CHECK(sent_for(frame(kClose, "\x03\xE8")).empty());
  CHECK(host.ended == CloseReason::finished);
  codec.protocol_close(CloseReason::finished);
  std::string close;
  proto::append_close(close, proto::WebSocketClose::normal);
  CHECK(host.take_sent() == close);
}

TEST_CASE_FIXTURE(Fixture,
                  "WebSocketCodec: a frame that breaks the protocol ends the input, and the close says so") {
  std::string unmasked = frame(kText, "");
  unmasked[1] = 0;
  CHECK(sent_for(unmasked).empty());
  CHECK(host.ended == CloseReason::framing_lost);
  codec.protocol_close(CloseReason::framing_lost);
  std::string close;
  proto::append_close(close, proto::WebSocketClose::protocol_error);
  CHECK(host.take_sent().substr(0, 4) == close.substr(0, 4));
}

TEST_CASE_FIXTURE(Fixture, "WebSocketCodec: a drain closes as going away") {
  codec.protocol_close(CloseReason::draining);
  std::string close;
  proto::append_close(close, proto::WebSocketClose::going_away);
  CHECK(host.take_sent() == close);
}

}  // namespace
}  // namespace sluice::core
