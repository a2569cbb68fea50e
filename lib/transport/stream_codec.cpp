#include "lib/transport/stream_codec.hpp"

#include <string>
#include <utility>

#include "lib/events/event_sink.hpp"
#include "lib/transport/codec_host.hpp"
#include "lib/transport/foreign_peers.hpp"
#include "lib/transport/token.hpp"
#include "proto/json_text.hpp"

namespace sluice::core {
namespace {

using Kind = proto::FrameEvent::Kind;

constexpr std::string_view kLengthHeader = "Content-Length: ";
constexpr std::size_t kLengthHeaderMax = 48;  // with the number and the empty line

// A reply on a JSON stream is one line. Line breaks in it can only be white space between tokens, from params
// over several lines that a handler passed through. Strings stay as they are.
void append_line(std::string& out, std::string& reply) {
  if (reply.find('\n') == std::string::npos && reply.find('\r') == std::string::npos) {
    const bool is_long = reply.size() > BufferPool::kBufferBytesMax && reply.capacity() / 2 <= reply.size();
    if (out.empty() && is_long) {
      out.swap(reply);
    } else {
      // Including the newline, for which a reply that just fits would be reallocated.
      if (out.capacity() - out.size() <= reply.size()) out.reserve(out.size() + reply.size() + 1);
      out += reply;
    }
  } else {
    proto::append_compact(out, reply);
  }
  out += '\n';
}

proto::MessageLimits message_limits(const CodecHost& host) {
  return {host.message_bytes_max(), host.limits().batch_entries_max};
}

}  // namespace

StreamCodec::StreamCodec(CodecHost& host, proto::Framing framing)
    : Codec(host), decoder_(framing, message_limits(host)) {
  decoder_.refuse_foreign_lines();
}

Protocol StreamCodec::protocol() const {
  return decoder_.framing() == proto::Framing::header ? Protocol::header : Protocol::stream;
}

// Not for the current message.
void StreamCodec::on_limits_change() {
  limits_wait_ = decoder_.in_message();
  if (!limits_wait_) decoder_.set_limits(message_limits(host()));
}

Codec::Step StreamCodec::next(std::string_view window) {
  const auto event = decoder_.next(window);
  // Before anything after these bytes is run.
  if (first_line_ != FirstLine::decided && turns_out_foreign(window.substr(0, event.consumed))) {
    if (event.kind == Kind::malformed) handle(event);
    end_foreign(proto::ForeignProtocol::none);
    return {event.consumed};
  }
  at_end_ = event.kind == Kind::message && event.consumed == window.size();
  const bool needs_more = at_end_ || event.kind == Kind::need_more;
  handle(event);
  return {event.consumed, needs_more, !decoder_.in_message()};
}

// Whether the first line becomes another protocol's at these bytes: a TLS handshake's first byte, or the
// beginning of a target behind a method and a space. A call begins with neither.
bool StreamCodec::turns_out_foreign(std::string_view bytes) {
  for (const char c : bytes) {
    const FirstLine before = first_line_;
    if (before != FirstLine::space && is_token_character(c)) {
      first_line_ = FirstLine::method;
    } else if (before == FirstLine::method && c == ' ') {
      first_line_ = FirstLine::space;
    } else {
      first_line_ = FirstLine::decided;
      if (before == FirstLine::nothing) return c == kTlsHandshake && !host().secure();
      return before == FirstLine::space && c == '/';
    }
  }
  return false;
}

void StreamCodec::end_foreign(proto::ForeignProtocol protocol) {
  host().end_input(CloseReason::framing_lost);
  if (protocol == proto::ForeignProtocol::none) {
    tell_foreign(host(), Foreign::stream,
                 "the input is not a JSON stream: its first line is another protocol's");
  } else {
    tell_foreign(
        host(), Foreign::stream,
        std::string("a line of another protocol came on a JSON stream: ").append(to_string(protocol)));
  }
}

void StreamCodec::finish(std::string_view rest) {
  at_end_ = false;
  handle(decoder_.finish(rest));
}

std::string* StreamCodec::reusable_buffer() { return at_end_ ? host().partial_message() : nullptr; }

void StreamCodec::handle(const proto::FrameEvent& event) {
  switch (event.kind) {
    case Kind::need_more:
      break;
    case Kind::message:
      host().rpc_session().receive(event.text, decoder_.message(), 0);
      break;
    case Kind::malformed:
      host().refuse_message(proto::parse_error(event.offset));
      break;
    case Kind::too_big:
      host().refuse_message(host().message_too_big());
      break;
    case Kind::foreign:
      end_foreign(decoder_.foreign());
      break;
    case Kind::lost:
      host().end_input(decoder_.skipping() ? CloseReason::message_too_big : CloseReason::framing_lost);
  }
  if (limits_wait_) on_limits_change();
}

void StreamCodec::reply(std::uint64_t, std::string& reply, std::int64_t) {
  if (reply.empty()) return;
  if (decoder_.framing() == proto::Framing::header) {
    std::string& out = host().output(reply.size());
    append_header(out, reply.size());
    out += reply;
  } else {
    append_line(host().output(), reply);
  }
}

// An event is a line already.
void StreamCodec::send_event(const EventMessage& message) {
  const std::size_t size = message.head.size() + message.tail.size();
  std::string& out = host().output(size);
  out.reserve(out.size() + kLengthHeaderMax + size);
  const bool has_header = decoder_.framing() == proto::Framing::header;
  if (has_header) append_header(out, size);
  out.append(message.head).append(message.tail);
  if (!has_header) out += '\n';
}

void StreamCodec::append_header(std::string& out, std::size_t bytes) {
  out += kLengthHeader.substr(std::exchange(head_sent_, 0));
  out += std::to_string(bytes) + "\r\n\r\n";
}

// On a JSON stream a blank between replies is white space. Between header-framed replies no byte is free, but
// the next one's first bytes are known: they are sent ahead, a byte at a time.
bool StreamCodec::test_peer() {
  if (decoder_.framing() != proto::Framing::header) {
    host().output() += ' ';
    return true;
  }
  if (head_sent_ == kLengthHeader.size()) return false;
  host().output() += kLengthHeader[head_sent_++];
  return true;
}

}  // namespace sluice::core
