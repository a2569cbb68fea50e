// WebSocket codec: one JSON-RPC message a text message, replies likewise.
#pragma once

#include <optional>
#include <string>

#include "lib/transport/codec.hpp"
#include "lib/transport/http/rules.hpp"
#include "lib/transport/whole_message.hpp"
#include "proto/websocket_decoder.hpp"

namespace sluice::core {

// Begins after the handshake. A client that closes has left: its calls are stopped, as at any other
// disconnect. A client that breaks the protocol gets its responses first, then the close frame with the
// reason.
class WebSocketCodec final : public Codec {
 public:
  // `claim` is the handshake's.
  WebSocketCodec(CodecHost& host, const PageClaim& claim);

  Step next(std::string_view window) override;
  void finish(std::string_view) override {}
  void reply(std::uint64_t exchange, std::string& reply, std::int64_t code) override;
  bool takes_events() const override { return true; }
  void send_event(const EventMessage& message) override;
  bool in_message() const override { return decoder_.in_message(); }
  bool skipping() const override { return decoder_.skipping(); }
  bool has_keepalive_ping() const override { return true; }
  void send_keepalive_ping() override;
  // A client that wants replies keeps its side open until the close frames are exchanged.
  InputEnd input_end() const override { return InputEnd::disconnect; }
  void on_policy_change() override;
  void protocol_close(CloseReason reason) override;
  Protocol protocol() const override { return Protocol::websocket; }

 private:
  void handle(const proto::WebSocketEvent& event);

  proto::WebSocketDecoder decoder_;
  WholeMessage message_;
  std::optional<std::string> host_, target_host_, origin_;            // claims of the handshake
  proto::WebSocketClose close_code_ = proto::WebSocketClose::normal;  // of the protocol close
};

}  // namespace sluice::core
