#include "lib/transport/websocket/websocket_codec.hpp"

#include "lib/events/event_sink.hpp"
#include "lib/transport/codec_host.hpp"
#include "proto/websocket_writer.hpp"

namespace sluice::core {

using Kind = proto::WebSocketEvent::Kind;
using proto::WebSocketClose;

WebSocketCodec::WebSocketCodec(CodecHost& host, const PageClaim& claim)
    : Codec(host),
      decoder_(host.message_bytes_max()),
      host_(claim.host),
      target_host_(claim.target_host),
      origin_(claim.origin) {
  host.rpc_session().identity().set_shared(false);
}

// A page that may no longer call gets a close code with the reason, after the responses to its earlier calls.
void WebSocketCodec::on_policy_change() {
  if (check_page({host_, target_host_, origin_}, host().policy(), host().from_outside())) return;
  close_code_ = WebSocketClose::policy;
  host().end_input(CloseReason::finished);
}

Codec::Step WebSocketCodec::next(std::string_view window) {
  const auto event = decoder_.next(window);
  handle(event);
  const bool needs_more = event.kind == Kind::need_more;
  if (!decoder_.in_message()) {
    decoder_.set_message_bytes_max(host().message_bytes_max());
    // An idle connection holds no memory for messages.
    if (needs_more) decoder_.release();
  }
  input_bytes_ = decoder_.held_bytes();
  return {event.consumed, needs_more, !decoder_.in_message()};
}

void WebSocketCodec::handle(const proto::WebSocketEvent& event) {
  RpcSession& rpc_session = host().rpc_session();
  switch (event.kind) {
    case Kind::need_more:
      message_.look_at(decoder_.partial(), host().limits());
      break;
    case Kind::pong:
      break;
    case Kind::text:
      message_.receive(rpc_session, host().limits(), event.text, 0);
      break;
    case Kind::ping:
      proto::append_pong(host().output(), event.text);
      break;
    case Kind::close:
      close_code_ = event.code;
      rpc_session.disconnected();
      host().end_input(CloseReason::finished);
      break;
    case Kind::too_big:
      message_.reset();
      host().refuse_message(host().message_too_big());
      break;
    case Kind::failed:
      close_code_ = event.code;
      host().end_input(event.code == WebSocketClose::too_big ? CloseReason::message_too_big
                                                             : CloseReason::framing_lost);
  }
}

void WebSocketCodec::reply(std::uint64_t, std::string& reply, std::int64_t) {
  if (!reply.empty()) proto::append_text_frame(host().output(reply.size()), reply);
}

void WebSocketCodec::send_event(const EventMessage& message) {
  const std::size_t size = message.head.size() + message.tail.size();
  std::string& out = host().output(size);
  proto::begin_text_frame(out, size);
  out.append(message.head).append(message.tail);
}

void WebSocketCodec::send_keepalive_ping() { proto::append_ping(host().output(), {}); }

void WebSocketCodec::protocol_close(CloseReason reason) {
  if (reason == CloseReason::draining) close_code_ = WebSocketClose::going_away;
  proto::append_close(host().output(), close_code_);
}

}  // namespace sluice::core
