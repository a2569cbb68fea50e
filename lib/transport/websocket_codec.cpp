#include "lib/transport/websocket_codec.hpp"

#include "lib/transport/connection.hpp"
#include "proto/websocket_writer.hpp"

namespace sluice::core {

using Kind = proto::WebSocketEvent::Kind;
using proto::WebSocketClose;

WebSocketCodec::WebSocketCodec(Connection& connection, const PageClaim& claim)
    : Codec(connection),
      decoder_(connection.message_bytes_max()),
      host_(claim.host),
      target_host_(claim.target_host),
      origin_(claim.origin) {
  connection.rpc_session().set_shared(false);
}

// A page that may not call any more is told so, and has the answers to what it asked before.
void WebSocketCodec::on_policy_change() {
  const auto refusal =
      check_page({host_, target_host_, origin_}, connection().policy(), connection().from_outside());
  if (!refusal) return;
  close_code_ = WebSocketClose::policy;
  connection().end_input(CloseReason::finished);
}

Codec::Step WebSocketCodec::next(std::string_view window) {
  const auto event = decoder_.next(window);
  handle(event);
  const bool hungry = event.kind == Kind::need_more;
  if (!decoder_.in_message()) {
    decoder_.set_message_bytes_max(connection().message_bytes_max());
    // A connection that rests holds no memory for messages.
    if (hungry) decoder_.release();
  }
  input_bytes_ = decoder_.held_bytes();
  return {event.consumed, hungry, !decoder_.in_message()};
}

void WebSocketCodec::handle(const proto::WebSocketEvent& event) {
  RpcSession& rpc_session = connection().rpc_session();
  switch (event.kind) {
    case Kind::need_more:
      message_.look_at(decoder_.partial(), connection().limits());
      break;
    case Kind::pong:
      break;
    case Kind::text:
      message_.receive(rpc_session, connection().limits(), event.text, 0);
      break;
    case Kind::ping:
      proto::append_pong(connection().output(), event.text);
      break;
    case Kind::close:
      close_code_ = event.code;
      rpc_session.disconnected();
      connection().end_input(CloseReason::finished);
      break;
    case Kind::too_big:
      message_.reset();
      connection().refuse_message(connection().message_too_big());
      break;
    case Kind::failed:
      close_code_ = event.code;
      connection().end_input(event.code == WebSocketClose::too_big ? CloseReason::message_too_big
                                                                   : CloseReason::framing_lost);
  }
}

void WebSocketCodec::reply(std::uint64_t, std::string& reply, std::int64_t) {
  if (!reply.empty()) proto::append_text_frame(connection().output(reply.size()), reply);
}

void WebSocketCodec::probe() { proto::append_ping(connection().output(), {}); }

void WebSocketCodec::protocol_close(CloseReason reason) {
  if (reason == CloseReason::draining) close_code_ = WebSocketClose::going_away;
  proto::append_close(connection().output(), close_code_);
}

}  // namespace sluice::core
