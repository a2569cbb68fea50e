#include "lib/transport/stream_session.hpp"

#include <algorithm>
#include <new>

#include "lib/observe/log.hpp"
#include "lib/transport/protocol_detector.hpp"
#include "proto/json_text.hpp"

namespace sluice::core {
namespace {

// Of max_output_buffer, what may be unread before the connection is no longer read from.
constexpr std::size_t kOutputPauseDivisor = 4;
// How long the end of a message over the size limit is looked for.
constexpr auto kOversizeSkipTime = std::chrono::seconds(5);
// How often what a client left behind is read: more than a Unix socket holds by default (208 KiB), and no
// longer for a flood of notifications than the thread's other connections can wait.
constexpr int kLastReads = 2;
using Kind = proto::FrameEvent::Kind;
using Status = ByteStream::Status;

// A reply on a JSON stream is one line. Line breaks in it can only be white space between tokens (params
// that a client wrote over several lines and a handler passed through).
void append_line(std::string& out, std::string_view reply) {
  if (reply.find('\n') == std::string_view::npos) {
    out += reply;
  } else {
    proto::append_compact(out, reply);
  }
  out += '\n';
}

proto::MessageLimits message_limits(const Limits& limits) {
  return {limits.message_bytes_max, limits.batch_entries_max};
}

}  // namespace

StreamSession::StreamSession(SessionHost& host, Descriptor socket, bool local, ConnectionLimit::Permit permit,
                             std::shared_ptr<const TlsContext> tls)
    : host_(host),
      io_(host.io()),
      stream_(std::move(socket), local),
      permit_(std::move(permit)),
      conversation_(host.calls(), *this) {
  stream_.expect_tls(std::move(tls));
  last_input_ = last_output_ = message_began_ = io_.now();
  io_.metrics().connections_now[static_cast<std::size_t>(Protocol::unknown)].add(1);
}

StreamSession::~StreamSession() = default;

void StreamSession::start() {
  stream_.watch(io_.poller(), *this);
  schedule();
}

bool StreamSession::wants_input() const {
  return !end_seen_ && (lingering_ || (!input_waits_ && may_process()));
}

void StreamSession::on_ready(std::uint32_t events) {
  if (closed_) return;
  io_.at_turn_end(*this);
  events = stream_.readiness(events);
  if ((events & Poller::kWritable) != 0) output_waits_ = false;
  try {
    // While it is read from, the reader finds out that the client is gone, after it has taken in what was
    // sent before.
    if (wants_input() && (events & ~Poller::kWritable) != 0) {
      read_some();
    } else if ((events & Poller::kGone) != 0) {
      lose_client();
    }
  } catch (const std::exception& exception) {
    // Out of memory, as a rule: this connection ends, the others go on.
    spdlog::error("connection failed: {}", exception.what());
    doom(CloseReason::stopped);
  }
}

void StreamSession::read_some() {
  std::string& buffer = io_.read_buffer();
  const bool securing = stream_.securing();
  const auto got = stream_.read(buffer.data(), buffer.size());
  // Where TLS is not a must, its time runs from when it begins.
  if (stream_.securing() && !securing) message_began_ = io_.now();
  if (got.status == Status::would_block) return;
  if (got.status == Status::failed) return on_read_failure();
  if (got.status == Status::end) return on_end_of_input();
  // Other sockets' messages may have taken long since the turn began.
  io_.begin_turn();
  io_.metrics().received_bytes.add(got.bytes);
  if (lingering_) return;
  take_in(got.bytes);
}

// The first bytes of the thread's buffer have just been read.
void StreamSession::take_in(std::size_t bytes) {
  const std::string& buffer = io_.read_buffer();
  last_input_ = io_.now();
  if (in_.empty()) {
    if (!decoder_ || !decoder_->in_message()) message_began_ = last_input_;
    process(std::string_view(buffer).substr(0, bytes));
  } else {
    in_.append(buffer, 0, bytes);
    process(in_);
  }
}

void StreamSession::on_end_of_input() {
  end_seen_ = true;
  // On a Unix socket a hang-up and a half-close look alike to a reader.
  if (stream_.local() && stream_.peer_gone()) return lose_client();
  if (!lingering_) process(in_);
}

// No reply can reach the client any more.
void StreamSession::lose_client() {
  if (lost_ || doomed_) return;
  lost_ = lingering_ ? close_reason_ : end_seen_ && settled() ? CloseReason::finished : CloseReason::reset;
  io_.at_turn_end(*this);
}

// What the client sent before it went is still looked at, for the notifications in it: they are run whether
// their sender stays or not, and the window that kept them waiting is for calls.
void StreamSession::hear_out() {
  const bool more = !input_over_ && !lingering_;
  out_.clear();
  out_sent_ = 0;
  conversation_.disconnected();
  if (more && input_waits_) process(in_);
  for (int reads = 0; more && !end_seen_ && !input_over_ && reads < kLastReads; ++reads) {
    const auto got = stream_.read(io_.read_buffer().data(), io_.read_buffer().size());
    if (got.status != Status::ok) break;
    io_.metrics().received_bytes.add(got.bytes);
    take_in(got.bytes);
  }
  doom(*lost_);
}

// Closes at the turn's end: a reply may be under way further up the stack, whose conversation must not
// end under it.
void StreamSession::doom(CloseReason reason) {
  if (doomed_) return;
  close_reason_ = reason;
  doomed_ = true;
  input_over_ = true;
  io_.at_turn_end(*this);
}

bool StreamSession::may_process() const {
  return !input_over_ && !doomed_ && !conversation_.window_full() &&
         unsent() <= io_.limits.output_bytes_max / kOutputPauseDivisor;
}

// Takes messages off the front of `window`, which is in_ or what a read has just brought; the rest is
// kept in in_.
void StreamSession::process(std::string_view window) {
  std::size_t done = 0;
  bool hungry = false;  // all that is there has been looked at
  while (!hungry && may_process()) {
    if (!decoder_) {
      // White space decides nothing, and is not kept until something does.
      done = std::min(window.find_first_not_of(" \t\r\n"), window.size());
      hungry = !identify(window.substr(done));
      if (hungry) break;
    }
    const auto event = decoder_->next(window.substr(done));
    hungry = event.kind == Kind::need_more;
    handle(event);
    done += event.consumed;
    if (event.consumed > 0 && !hungry) message_began_ = io_.now();
  }
  if (hungry && end_seen_ && !input_over_) {
    if (decoder_) {
      handle(decoder_->finish(window.substr(done)));
    } else if (stream_.must_refuse()) {
      refuse_plain(false);
    } else if (done < window.size()) {
      conversation_.refuse(proto::parse_error(window.size()), 0);
    }
    input_over_ = true;
  }
  if (input_over_) done = window.size();
  const std::string_view rest = window.substr(done);
  if (window.data() == in_.data()) {
    in_.erase(0, done);
  } else if (!rest.empty()) {
    in_ = io_.buffers().take();
    in_.assign(rest);
  }
  if (in_.empty() && in_.capacity() > 0) io_.buffers().give(std::exchange(in_, {}));
  input_waits_ = !hungry && !input_over_;
}

// Whether the connection's first bytes have told what it speaks.
bool StreamSession::identify(std::string_view window) {
  const WireProtocol protocol = detect_protocol(window);
  if (stream_.must_refuse() && protocol != WireProtocol::undecided) {
    refuse_plain(protocol == WireProtocol::http);
    return false;
  }
  switch (protocol) {
    case WireProtocol::undecided:
      return false;
    case WireProtocol::http:
      refuse_protocol();
      return false;
    case WireProtocol::header:
      decoder_.emplace(proto::Framing::header, message_limits(io_.limits));
      count_protocol(Protocol::header);
      return true;
    case WireProtocol::stream:
      decoder_.emplace(proto::Framing::stream, message_limits(io_.limits));
      count_protocol(Protocol::stream);
      return true;
  }
  return false;
}

void StreamSession::handle(const proto::FrameEvent& event) {
  switch (event.kind) {
    case Kind::need_more:
      break;
    case Kind::message:
      conversation_.receive(event.text, decoder_->message(), 0);
      break;
    case Kind::malformed:
      conversation_.refuse(proto::parse_error(event.offset), 0);
      break;
    case Kind::too_big:
      skip_until_ = io_.now() + kOversizeSkipTime;
      conversation_.refuse(proto::request_too_big(io_.limits.message_bytes_max), 0);
      break;
    case Kind::lost:
      end_input(decoder_->skipping() ? CloseReason::message_too_big : CloseReason::framing_lost);
  }
  if (decoder_->skipping()) return;
  skip_until_.reset();
  if (!decoder_->in_message()) decoder_->set_limits(message_limits(io_.limits));
}

std::string& StreamSession::output() {
  if (out_.empty()) {
    out_ = io_.buffers().take();
    last_output_ = io_.now();
  }
  io_.at_turn_end(*this);
  return out_;
}

void StreamSession::append_reply(std::string_view reply) {
  std::string& out = output();
  if (decoder_ && decoder_->framing() == proto::Framing::header) {
    out += "Content-Length: " + std::to_string(reply.size()) + "\r\n\r\n";
    out += reply;
  } else {
    append_line(out, reply);
  }
}

void StreamSession::on_reply(std::uint64_t, std::string_view reply) {
  io_.at_turn_end(*this);
  if (reply.empty() || closed_ || doomed_ || lost_) return;
  append_reply(reply);
  if (unsent() <= io_.limits.output_bytes_max) return;
  // The client may be reading quickly and only the turn's end may not have come yet.
  flush();
  if (unsent() <= io_.limits.output_bytes_max || doomed_ || lost_) return;
  doom(CloseReason::output_full);
}

void StreamSession::flush() {
  while (unsent() > 0 && !doomed_ && !lost_) {
    const auto sent = stream_.write(std::string_view(out_).substr(out_sent_));
    if (sent.status == Status::would_block) return wait_for_room();
    if (sent.status != Status::ok) return lose_client();
    out_sent_ += sent.bytes;
    last_output_ = io_.now();
    io_.metrics().sent_bytes.add(sent.bytes);
  }
  if (unsent() == 0 && !out_.empty()) {
    io_.buffers().give(std::exchange(out_, {}));
    out_sent_ = 0;
    output_waits_ = false;
  }
}

void StreamSession::wait_for_room() {
  // The part that is sent is dropped only when that is worth the copying.
  if (out_sent_ > out_.size() / 2) {
    out_.erase(0, out_sent_);
    out_sent_ = 0;
  }
  output_waits_ = true;
}

}  // namespace sluice::core
