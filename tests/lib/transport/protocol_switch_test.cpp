#include "lib/transport/protocol_switch.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>

#include "lib/transport/http/rules.hpp"
#include "tests/support/test_codec_host.hpp"

namespace sluice::core {
namespace {

using Missing = ProtocolSwitch::Missing;
using testing::TestCodecHost;

// Of a protocol, and says when it is destroyed.
struct NamedCodec final : Codec {
  NamedCodec(CodecHost& host, Protocol name, int& destroyed)
      : Codec(host), name_(name), destroyed_(destroyed) {}
  ~NamedCodec() override { ++destroyed_; }
  Step next(std::string_view) override { return {}; }
  void finish(std::string_view) override {}
  void reply(std::uint64_t, std::string&, std::int64_t) override {}
  bool in_message() const override { return false; }
  Protocol protocol() const override { return name_; }

 private:
  Protocol name_;
  int& destroyed_;
};

struct NamedCodecs final : CodecFactory {
  std::unique_ptr<Codec> make(WireProtocol protocol, CodecHost& host) const override {
    const Protocol name = protocol == WireProtocol::http     ? Protocol::http
                          : protocol == WireProtocol::header ? Protocol::header
                                                             : Protocol::stream;
    return std::make_unique<NamedCodec>(host, name, destroyed);
  }
  std::unique_ptr<Codec> make_websocket(CodecHost& host, const PageClaim&) const override {
    return std::make_unique<NamedCodec>(host, Protocol::websocket, destroyed);
  }
  void append_refusal(std::string& out, WireProtocol protocol, const proto::Error& error,
                      TimePoint) const override {
    out.append(protocol == WireProtocol::http ? "http " : "line ").append(error.message);
  }
  mutable int destroyed = 0;
};

struct Fixture {
  Result<void, ProtocolSwitch::Refusal> detect(std::string_view bytes, Missing missing = Missing::nothing) {
    return protocol.detect(bytes, missing, host);
  }
  std::string answer(const ProtocolSwitch::Refusal& refusal) {
    std::string out;
    protocol.append_refusal(out, refusal, TimePoint());
    return out;
  }

  NamedCodecs codecs;
  TestCodecHost host;
  ProtocolSwitch protocol{codecs};
};

TEST_CASE("ProtocolSwitch: the first bytes decide the codec") {
  for (const auto& [bytes, expected] :
       {std::pair("POST / HTTP/1.1\r\n", Protocol::http),
        std::pair("Content-Length: 2\r\n", Protocol::header), std::pair("{\"jsonrpc\"", Protocol::stream)}) {
    CAPTURE(bytes);
    Fixture fixture;
    CHECK(fixture.detect(bytes));
    REQUIRE(fixture.protocol.codec() != nullptr);
    CHECK(fixture.protocol.codec()->protocol() == expected);
  }
}

TEST_CASE_FIXTURE(Fixture,
                  "ProtocolSwitch: while the bytes could be several protocols', nothing is decided") {
  CHECK(detect("PO"));
  CHECK(detect("PO", Missing::tls));
  CHECK(protocol.codec() == nullptr);
}

TEST_CASE_FIXTURE(Fixture, "ProtocolSwitch: undecided input is a stream at its end, unless it is empty") {
  CHECK(protocol.detect_at_end("", Missing::nothing, host));
  CHECK(protocol.codec() == nullptr);
  CHECK(protocol.detect_at_end("PO", Missing::nothing, host));
  REQUIRE(protocol.codec() != nullptr);
  CHECK(protocol.codec()->protocol() == Protocol::stream);
}

TEST_CASE_FIXTURE(Fixture,
                  "ProtocolSwitch: plain text is refused in the client's protocol where TLS is required") {
  const auto http = detect("GET / HTTP/1.1\r\n", Missing::tls);
  REQUIRE_FALSE(http);
  CHECK(http.error().reason == CloseReason::tls_required);
  CHECK(answer(http.error()) == "http " + proto::tls_required().message);
  CHECK_FALSE(http.error().foreign);
  const auto stream = detect("{}", Missing::tls);
  REQUIRE_FALSE(stream);
  CHECK(answer(stream.error()).starts_with("line "));
  CHECK(protocol.codec() == nullptr);
}

TEST_CASE_FIXTURE(Fixture, "ProtocolSwitch: input that ends undecided is refused as well") {
  const auto detected = protocol.detect_at_end("", Missing::tls, host);
  REQUIRE_FALSE(detected);
  CHECK(detected.error().reason == CloseReason::tls_required);
  CHECK(answer(detected.error()).starts_with("line "));
}

TEST_CASE_FIXTURE(Fixture, "ProtocolSwitch: a missing PROXY header is refused, and logged") {
  const auto detected = detect("POST / HTTP/1.1\r\n", Missing::proxy_header);
  REQUIRE_FALSE(detected);
  CHECK(detected.error().reason == CloseReason::framing_lost);
  CHECK(detected.error().foreign == Foreign::no_proxy_header);
  CHECK(answer(detected.error()).starts_with("http "));
}

TEST_CASE_FIXTURE(Fixture, "ProtocolSwitch: a PROXY header where none is expected is refused, and logged") {
  const auto detected = detect("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n");
  REQUIRE_FALSE(detected);
  CHECK(detected.error().reason == CloseReason::framing_lost);
  CHECK(detected.error().foreign == Foreign::proxy_header);
  CHECK(answer(detected.error()).starts_with("line "));
  CHECK(protocol.codec() == nullptr);
}

TEST_CASE_FIXTURE(Fixture,
                  "ProtocolSwitch: an upgrade takes effect after the step in which it was asked for") {
  REQUIRE(detect("GET / HTTP/1.1\r\n"));
  CHECK_FALSE(protocol.apply_upgrade());
  protocol.upgrade_to_websocket(host, PageClaim{});
  CHECK(protocol.codec()->protocol() == Protocol::http);
  CHECK(codecs.destroyed == 0);
  CHECK(protocol.apply_upgrade());
  CHECK(protocol.codec()->protocol() == Protocol::websocket);
  CHECK(codecs.destroyed == 1);
  CHECK_FALSE(protocol.apply_upgrade());
}

}  // namespace
}  // namespace sluice::core
