#include "lib/backend/upstream/websocket_protocol.hpp"

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/websocket/error.hpp>

#include "lib/backend/upstream/http_response.hpp"
#include "lib/backend/wire_call.hpp"

namespace sluice::core {
namespace {

namespace websocket = boost::beast::websocket;

std::string_view text_of(const boost::beast::flat_buffer& buffer) {
  return {static_cast<const char*>(buffer.data().data()), buffer.size()};
}

}  // namespace

WebSocketProtocol::WebSocketProtocol(UpstreamChannel& channel, UpstreamStream& stream)
    : UpstreamProtocol(channel, stream), socket_(stream) {
  socket_.set_option(websocket::stream_base::decorator([this](websocket::request_type& request) {
    request.set(boost::beast::http::field::user_agent, "sluice");
    request.set(boost::beast::http::field::accept_encoding, "identity");
    for (const auto& [name, value] : this->route().headers) request.set(name, value);
  }));
  socket_.auto_fragment(false);
  // The limit is looked at here: which call a reply was for shows in how it begins.
  socket_.read_message_max(0);
  socket_.text(true);
}

void WebSocketProtocol::begin() {
  socket_.async_handshake(response_, route().url.host_header(), route().url.target,
                          channel().handler(*this, &WebSocketProtocol::on_handshake));
}

void WebSocketProtocol::on_handshake(boost::system::error_code error) {
  if (error) return channel().end(UpstreamEnd::not_connected, refusal(error));
  response_ = {};
  count_frames();
  channel().opened();
  if (!closed()) read_some();
}

// Why there is no WebSocket, by what came instead.
std::string WebSocketProtocol::refusal(boost::system::error_code error) const {
  if (error != websocket::error::upgrade_declined) return "no WebSocket there: " + error.message();
  // A body is hidden before it is cut short; the head may show what it was sent as well.
  const UpstreamHeaders& secrets = route().headers;
  const std::string why = unusable_because(response_, hide_secrets(response_.body(), secrets));
  return "no WebSocket there: " + hide_secrets(why, secrets);
}

// Beast deals with control frames and empty ones by itself, and might do nothing else. However slowly that
// goes here, it must not pass for little: what is read counts by the frames that it may have been, unless
// a part of a message has come by the next read.
void WebSocketProtocol::count_frames() {
  stream().on_read([this](std::size_t bytes) { channel().guard([&] { count_idle(bytes); }); });
  socket_.control_callback([this](websocket::frame_type, boost::beast::string_view) {
    channel().guard([this] { channel().count_invalid_input(kControlFrameBytes); });
  });
}

void WebSocketProtocol::count_idle(std::size_t bytes) {
  channel().count_invalid_input(std::exchange(idle_bytes_, bytes) * kIdleByteWeight);
}

void WebSocketProtocol::write(UpstreamAttempt& attempt, const ActiveCall& call) {
  std::string text;
  append_call(text, call, route().method_of(call), attempt.id, channel().dialect(), hub().now());
  push(std::move(text));
}

void WebSocketProtocol::write_cancel(const UpstreamAttempt& attempt) {
  if (unsent() > kUnsentBytesMax) return;  // it would have to be kept; its reply goes nowhere
  std::string text;
  if (append_cancel(text, attempt.id, channel().dialect())) push(std::move(text));
}

void WebSocketProtocol::push(std::string text) {
  unsent_ += text.size();
  output_.push_back(std::move(text));
  if (output_.size() == 1) write_next();
}

void WebSocketProtocol::write_next() {
  attempts().note_sent();
  socket_.async_write(boost::asio::buffer(output_.front()),
                      channel().handler(*this, &WebSocketProtocol::on_written));
}

void WebSocketProtocol::on_written(boost::system::error_code error, std::size_t) {
  if (error) return channel().end(UpstreamEnd::cut, error.message());
  const bool was_clogged = unsent() > kUnsentBytesMax;
  unsent_ -= output_.front().size();
  output_.pop_front();
  if (!output_.empty()) write_next();
  if (was_clogged && unsent() <= kUnsentBytesMax) channel().note_room();
}

void WebSocketProtocol::read_some() {
  socket_.async_read_some(input_, kReadBytes, channel().handler(*this, &WebSocketProtocol::on_read));
}

void WebSocketProtocol::on_read(boost::system::error_code error, std::size_t bytes) {
  if (error)
    return channel().end(channel().in_flight() > 0 ? UpstreamEnd::cut : UpstreamEnd::unused, error.message());
  channel().note_received();
  if (bytes > 0) idle_bytes_ = 0;
  if (input_.size() > channel().reply_bytes_max()) return channel().take_oversize(text_of(input_));
  if (socket_.is_message_done()) {
    channel().take_text(text_of(input_));
    input_.clear();
    if (input_.capacity() > kReadBytes) input_.shrink_to_fit();
  }
  if (!closed()) read_some();
}

}  // namespace sluice::core
