#include "lib/transport/stream_codec.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "tests/support/test_codec_host.hpp"

namespace sluice::core {
namespace {

using testing::TestCodecHost;

struct Peer {
  explicit Peer(proto::Framing framing, const Limits& limits = {}) : host(limits), codec(host, framing) {
    host.codec = &codec;
  }
  // What is sent for `bytes`.
  std::string sent_for(std::string_view bytes) {
    Codec::Step step;
    while (!step.needs_more && host.takes_input() && !bytes.empty()) {
      step = codec.next(bytes);
      bytes.remove_prefix(step.consumed);
    }
    return host.take_sent();
  }

  TestCodecHost host;
  StreamCodec codec;
};

constexpr std::string_view kCall = R"({"jsonrpc":"2.0","id":1,"method":"none"})";
const std::string kNotFound = R"({"jsonrpc":"2.0","id":1,"error":{"code":-32601,)";

TEST_CASE("StreamCodec: on a stream each reply is a line") {
  Peer peer(proto::Framing::stream);
  const std::string sent = peer.sent_for(std::string(kCall) + "\n" + std::string(kCall) + "\n");
  CHECK(sent.starts_with(kNotFound));
  CHECK(sent.ends_with("\n"));
  CHECK(sent.find("\n" + kNotFound) != std::string::npos);
}

TEST_CASE("StreamCodec: with headers each reply has its length before it") {
  Peer peer(proto::Framing::header);
  const std::string call =
      "Content-Length: " + std::to_string(kCall.size()) + "\r\n\r\n" + std::string(kCall);
  const std::string sent = peer.sent_for(call);
  const std::size_t end = sent.find("\r\n\r\n");
  REQUIRE(end != std::string::npos);
  CHECK(sent.substr(0, end) == "Content-Length: " + std::to_string(sent.size() - end - 4));
  CHECK(sent.substr(end + 4).starts_with(kNotFound));
}

TEST_CASE("StreamCodec: bytes that test the peer are a part of the next header") {
  Peer peer(proto::Framing::header);
  CHECK(peer.codec.test_peer());
  CHECK(peer.codec.test_peer());
  CHECK(peer.host.take_sent() == "Co");
  const std::string call =
      "Content-Length: " + std::to_string(kCall.size()) + "\r\n\r\n" + std::string(kCall);
  CHECK(peer.sent_for(call).starts_with("ntent-Length: "));
}

TEST_CASE("StreamCodec: a first line of another protocol ends the input") {
  Peer peer(proto::Framing::stream);
  peer.sent_for("GET /");
  CHECK(peer.host.ended == CloseReason::framing_lost);
}

TEST_CASE("StreamCodec: an invalid message is answered, and the next one is dealt with") {
  Peer peer(proto::Framing::stream);
  const std::string sent = peer.sent_for("}\n" + std::string(kCall) + "\n");
  CHECK(sent.find(R"("code":-32700)") != std::string::npos);
  CHECK(sent.find(kNotFound) != std::string::npos);
  CHECK_FALSE(peer.host.ended);
}

TEST_CASE("StreamCodec: a message over the limit is answered before its end has come") {
  Limits limits;
  limits.message_bytes_max = 100;
  Peer peer(proto::Framing::stream, limits);
  CHECK(peer.sent_for("\"" + std::string(200, 'x')).find("error") != std::string::npos);
  CHECK(peer.codec.skipping());
  CHECK_FALSE(peer.host.ended);
}

}  // namespace
}  // namespace sluice::core
