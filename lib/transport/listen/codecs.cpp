#include "lib/transport/listen/codecs.hpp"

#include "lib/transport/http/http_codec.hpp"
#include "lib/transport/http/response.hpp"
#include "lib/transport/stream_codec.hpp"
#include "lib/transport/websocket/websocket_codec.hpp"
#include "proto/response_writer.hpp"

namespace sluice::core {
namespace {

class Codecs final : public CodecFactory {
 public:
  std::unique_ptr<Codec> make(WireProtocol protocol, CodecHost& host) const override {
    if (protocol == WireProtocol::http) return std::make_unique<HttpCodec>(host);
    const bool headers = protocol == WireProtocol::header;
    return std::make_unique<StreamCodec>(host, headers ? proto::Framing::header : proto::Framing::stream);
  }

  std::unique_ptr<Codec> make_websocket(CodecHost& host, const PageClaim& claim) const override {
    return std::make_unique<WebSocketCodec>(host, claim);
  }

  void append_refusal(std::string& out, WireProtocol protocol, const proto::Error& error,
                      TimePoint now) const override {
    const std::string reply = proto::error_reply(proto::kNullId, error);
    if (protocol == WireProtocol::http) {
      HttpResponseHead head;
      head.status = 400;
      head.keep_alive = false;
      append_response(out, head, reply, true, now);
    } else {
      out += reply + "\n";
    }
  }
};

}  // namespace

const CodecFactory& codecs() {
  static const Codecs all;
  return all;
}

}  // namespace sluice::core
