// Protocol of a connection: detected from its first bytes, changed by an upgrade.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/transport/codec.hpp"
#include "lib/transport/codec_factory.hpp"
#include "lib/transport/foreign_peers.hpp"

namespace sluice::core {

// Has no codec until the first bytes show the client's protocol. Plain text where TLS is required, or input
// without a required PROXY header, is never taken for calls: it is refused in the client's own protocol, if
// its first bytes show that. I/O thread only.
class ProtocolSwitch {
 public:
  // A requirement before the first message that was not met.
  enum class Missing : std::uint8_t { nothing, tls, proxy_header };
  // The answer to the client, after which the connection ends.
  struct Refusal {
    proto::Error error;
    CloseReason reason = CloseReason::framing_lost;
    WireProtocol spoken = WireProtocol::stream;
    std::optional<Foreign> foreign{};  // for the log
    std::string_view log_text{};
  };

  explicit ProtocolSwitch(const CodecFactory& factory) : factory_(factory) {}

  // Null until detect() has created one.
  Codec* codec() const { return codec_.get(); }

  // `bytes` is everything received so far. Creates a codec, or refuses; neither while more bytes are needed.
  Result<void, Refusal> detect(std::string_view bytes, Missing missing, CodecHost& host);
  // Creates a codec or refuses, at the end of input.
  Result<void, Refusal> detect_at_end(std::string_view bytes, Missing missing, CodecHost& host);
  void append_refusal(std::string& out, const Refusal& refusal, TimePoint now) const {
    factory_.append_refusal(out, refusal.spoken, refusal.error, now);
  }

  // The codec is in use when it calls this: apply_upgrade() replaces it later.
  void upgrade_to_websocket(CodecHost& host, const PageClaim& claim) {
    next_codec_ = factory_.make_websocket(host, claim);
  }
  // Whether the codec was replaced.
  bool apply_upgrade() {
    if (!next_codec_) return false;
    codec_ = std::move(next_codec_);
    return true;
  }

 private:
  static Refusal refusal_of(Missing missing, WireProtocol spoken);

  const CodecFactory& factory_;
  std::unique_ptr<Codec> codec_;
  std::unique_ptr<Codec> next_codec_;
};

}  // namespace sluice::core
