#include "lib/backend/upstream/stream_protocol.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include "lib/backend/reply_text.hpp"
#include "lib/backend/wire_call.hpp"

namespace sluice::core {
namespace {

void clear(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kKeptBytesMax) buffer.shrink_to_fit();
}

}  // namespace

StreamProtocol::StreamProtocol(UpstreamChannel& channel, UpstreamStream& stream)
    : UpstreamProtocol(channel, stream), decoder_(proto::Framing::stream, {channel.reply_bytes_max()}) {}

void StreamProtocol::begin() {
  channel().opened();
  if (!closed()) read_some();
}

void StreamProtocol::write(UpstreamAttempt& attempt, const ActiveCall& call) {
  append_call(waiting_, call, route().method_of(call), attempt.id, channel().dialect(), hub().now());
  waiting_ += '\n';
  hub().io().defer_late(*this);
}

void StreamProtocol::write_cancel(const UpstreamAttempt& attempt) {
  if (unsent() > kUnsentBytesMax) return;  // it would have to be kept; its reply goes nowhere
  if (!append_cancel(waiting_, attempt.id, channel().dialect())) return;
  waiting_ += '\n';
  hub().io().defer_late(*this);
}

void StreamProtocol::on_deferred() {
  if (!closed() && under_way_.empty()) flush();
}

// What an iteration, or the time of the last write, has brought goes out together.
void StreamProtocol::flush() {
  if (waiting_.empty()) return;
  under_way_.swap(waiting_);
  attempts().note_sent();
  boost::asio::async_write(stream(), boost::asio::buffer(under_way_),
                           channel().handler(*this, &StreamProtocol::on_written));
}

void StreamProtocol::on_written(boost::system::error_code error, std::size_t) {
  if (error) return channel().end(UpstreamEnd::cut, error.message());
  const bool was_clogged = unsent() > kUnsentBytesMax;
  clear(under_way_);
  flush();
  if (was_clogged && unsent() <= kUnsentBytesMax) channel().note_room();
}

void StreamProtocol::read_some() {
  stream().async_read_some(boost::asio::buffer(input_), channel().handler(*this, &StreamProtocol::on_read));
}

void StreamProtocol::on_read(boost::system::error_code error, std::size_t bytes) {
  if (error)
    return channel().end(channel().in_flight() > 0 ? UpstreamEnd::cut : UpstreamEnd::unused, error.message());
  channel().note_received();
  decoder_.set_limits({channel().reply_bytes_max()});  // they may have been changed
  window_.append(input_.data(), bytes);
  take_window();
  if (!closed()) read_some();
}

void StreamProtocol::take_malformed(std::string_view text) {
  channel().reject(text, "not JSON");
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  channel().take_broken(text, decoder_.message());
}

// Bytes of the byte order mark in front of a message, which means nothing.
std::size_t StreamProtocol::mark_size(std::string_view text) {
  return text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
}

void StreamProtocol::take_window() {
  using Kind = proto::FrameEvent::Kind;
  std::size_t done = 0;
  while (!closed()) {
    if (!decoder_.in_message()) done += mark_size(std::string_view(window_).substr(done));
    const std::string_view rest = std::string_view(window_).substr(done);
    if (!rest.empty() && !decoder_.in_message() && kByteOrderMark.starts_with(rest)) break;  // half a mark
    const auto event = decoder_.next(rest);
    if (event.kind == Kind::message) channel().take_message(event.text, decoder_.message());
    if (event.kind == Kind::malformed) take_malformed(rest.substr(0, event.consumed));
    if (event.kind == Kind::too_big) return channel().take_oversize(rest);
    if (event.kind == Kind::lost)
      return channel().end(UpstreamEnd::misbehaved, "framing lost: no message can be found in its output");
    // Beside messages: white space, and what is skipped of a broken one.
    if (event.kind != Kind::malformed && !closed())
      channel().count_invalid_input(event.consumed - event.text.size());
    done += event.consumed;
    if (event.kind == Kind::need_more) break;
  }
  window_.erase(0, done);
  if (window_.empty()) clear(window_);
}

}  // namespace sluice::core
