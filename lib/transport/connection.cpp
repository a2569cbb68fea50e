#include "lib/transport/connection.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "lib/transport/arrivals.hpp"
#include "lib/transport/foreign_peers.hpp"

namespace sluice::core {
namespace {

// Reads after a client is gone: enough for more than a Unix socket holds by default (208 KiB).
constexpr int kLastReads = 2;
// Gone clients of one thread whose remaining input needs more than one slice. Their sockets and permits are
// still held: for more clients than this, the remaining input is dropped.
constexpr std::size_t kLostClientsMax = 256;
// A connection that has used more than this of kUseWindow is read after the others while the thread is
// contended.
constexpr auto kUseMax = std::chrono::milliseconds(1);
// Longer messages are processed one at a time.
constexpr std::size_t kLongMessageBytes = 64 * 1024;
// Limit of one read while connections wait for each other, or a full window is looked beyond. It bounds the
// unprocessed input of all connections.
constexpr std::size_t kContendedReadBytes = 16 * 1024;
using Status = ByteStream::Status;

}  // namespace

Connection::Connection(SessionHost& host, ByteStream stream, std::shared_ptr<const LivePolicy> policy,
                       ConnectionLimit::Permit permit, const CodecFactory& codecs)
    : CodecHost(host.io(), rpc_session_),
      host_(host),
      stream_(std::move(stream)),
      permit_(std::move(permit)),
      peer_share_(io_.slices(), stream_.peer_key()),
      live_policy_(std::move(policy)),
      policy_version_(live_policy_->version()),
      limits_version_(io_.limits_version()),
      protocol_switch_(codecs),
      rpc_session_(host.calls(), host.orphans(), *this),
      events_(*this, host.events()) {
  policy_ = live_policy_->get();
  set_share(&peer_share_.share());
  rpc_session_.set_share(&peer_share_.share());
  stream_.expect_tls(policy_->tls);
  if (policy_->proxy_protocol) stream_.expect_proxy_header();
  io_.metrics().connections_now[static_cast<std::size_t>(Protocol::unknown)].add(1);
}

// Charges the connection's work to that peer from now on.
void Connection::join_share(const PeerKey& peer) {
  const bool waits = postponed();
  static_cast<ListHook<SliceTag>&>(*this).unlink();
  peer_share_.move_to(peer);
  set_share(&peer_share_.share());
  rpc_session_.set_share(&peer_share_.share());
  if (waits) io_.postpone(*this);
}

void Connection::start() {
  stream_.watch(io_.poller(), *this);
  if (host_.memory_short()) timers_.begin_overloaded(io_.now());
  schedule();
}

bool Connection::wants_input() const {
  return !ending_.end_read() && (ending_.lingering() || (!input_waits_ && !held_up()));
}

// Whether others are served first. A step of a handshake takes as long as hundreds of calls, and so may the
// end of a long message, if others have input as well.
[[gnu::always_inline]] inline bool Connection::yields() const {
  if (postponed() || (stream_.staged() && stream_.may_handshake())) return true;
  const bool may_be_long = in_.size() + message_bytes_ > kLongMessageBytes;
  if (takes_too_much()) return true;
  if (!may_be_long && use_ <= kUseMax) return false;
  if (may_be_long && in_message()) return io_.contended() || io_.reads().count() > 0;
  return use_ > kUseMax && io_.contended() && io_.now() - use_since_ <= kUseWindow;
}

[[gnu::always_inline]] inline std::span<char> Connection::space() {
  const std::span<char> all = io_.read_space();
  return io_.contended() || looks_ahead_ ? all.first(kContendedReadBytes) : all;
}

void Connection::on_ready(std::uint32_t events) {
  Arrivals::here().served();
  if (ending_.closed()) return;
  events = stream_.readiness(events);
  if ((events & Poller::kWritable) != 0) {
    output_.on_writable();
    timers_.on_busy(io_.now());
  }
  try {
    // While the connection is read, the reader detects the disconnect, after it has processed earlier input.
    if (wants_input() && (events & ~Poller::kWritable) != 0) {
      if (yields()) {
        io_.postpone(*this);
      } else if (const std::size_t bytes = read(space()); bytes > 0) {
        return io_.reads().add(*this, bytes);
      }
    } else if ((events & Poller::kGone) != 0) {
      on_peer_gone();
    } else if ((events & ByteStream::kEnded) != 0) {
      on_peer_ended();
    }
  } catch (const std::exception& exception) {
    fail(exception);
  }
  io_.defer(*this);
}

void Connection::note_use() {
  const auto used = io_.slice_used();
  if (used.count() == 0) return;
  if (io_.now() - use_since_ > kUseWindow) {
    use_since_ = io_.now();
    use_ = {};
  }
  use_ += used;
}

// Continues with earlier input, or reads input that had to wait for others.
void Connection::on_slice() {
  if (ending_.closed()) return;
  try {
    if (ending_.peer_gone()) {
      if (!ending_.closing()) read_remaining_notifications();
    } else if (input_waits_ && may_process()) {
      process(in_);
    } else if (wants_input()) {
      read_at_once();
    }
    // Replies do not wait for the slices of others, and writing is charged to this peer.
    if (!ending_.closing() && !output_.blocked()) flush(Extent::slice);
  } catch (const std::exception& exception) {
    fail(exception);
  }
  note_use();
  io_.defer(*this);
}

// Usually out of memory: this connection ends, the others go on.
void Connection::fail(const std::exception& exception) {
  log_failure("a connection", exception);
  schedule_close(CloseReason::stopped);
}

// Returns the number of bytes read. Handles the end of input and errors.
std::size_t Connection::read(std::span<char> to) {
  const bool securing = stream_.securing();
  const bool peer_due = securing && stream_.awaits_proxy_header();
  const auto got = stream_.read(to.data(), to.size());
  if (peer_due && !stream_.awaits_proxy_header() && !count_peer()) return 0;
  // If TLS is optional, its time limit begins with the handshake.
  if (stream_.securing() && !securing) timers_.begin_message(io_.now());
  if (got.status == Status::ok) return got.bytes;
  io_.slices().charge_small(*share(), io_.now(), SmallWork::read);
  if (got.status == Status::failed) on_read_failure();
  if (got.status == Status::end) on_end_of_input();
  return 0;
}

// Behind a proxy, the limit per peer and the peer's share of the thread go by the client that the PROXY
// header names. False if the limit is reached.
bool Connection::count_peer() {
  const auto peer = stream_.peer_key();
  if (!peer) return true;
  join_share(*peer);
  if (!permit_.lacks_peer() || permit_.join(*peer)) return true;
  schedule_close(CloseReason::peer_limit);
  return false;
}

void Connection::read_at_once() {
  const std::span<char> to = space();
  const std::size_t bytes = read(to);
  if (bytes > 0) receive({to.data(), bytes});
  // There may be more input, which need not wait for the poller.
  if (bytes == to.size() && !ending_.peer_gone() && wants_input()) io_.postpone(*this);
}

void Connection::on_bytes(std::string_view bytes) {
  // Other sockets' messages may have taken long since the iteration began.
  io_.update_time();
  io_.begin_slice();
  io_.slices().begin_read(*share(), io_.now(), bytes.size());
  receive(bytes);
  note_use();
}

void Connection::receive(std::string_view bytes) {
  try {
    io_.metrics().received_bytes.add(bytes.size());
    if (!ending_.lingering()) append_input(bytes);
  } catch (const std::exception& exception) {
    fail(exception);
  }
  if (DeferredTask::linked()) return;  // usually for a reply
  if (!only_waits() || rpc_session_.in_flight() == 0 || memory_changed()) io_.defer(*this);
}

void Connection::append_input(std::string_view bytes) {
  timers_.on_input(io_.now());
  if (in_.empty()) {
    if (!codec() || !codec()->in_message()) {
      timers_.begin_message(io_.now());
      message_bytes_ = 0;
    }
    message_bytes_ += bytes.size();
    process(bytes);
  } else {
    io_.buffers().grow(in_, in_.size() + bytes.size());
    in_ += bytes;
    process(in_);
  }
  unproven_bytes_ += bytes.size();
  if (unproven_bytes_ > io_.limits.unproven_bytes_max) watch_unproven();
}

void Connection::on_end_of_input() {
  ending_.on_end_read();
  // On a Unix socket a reader can't tell a hang-up from a half-close.
  if (stream_.local() && stream_.peer_gone()) return on_peer_gone();
  on_peer_ended();
  if (!ending_.lingering() && !ending_.peer_gone()) process(in_);
}

// No reply can reach the client any more.
void Connection::on_peer_gone() {
  if (ending_.peer_gone() || ending_.closing()) return;
  ending_.on_peer_gone(is_idle());
  // The poller would report it again in every iteration, and delay others.
  stream_.unwatch();
  host_.client_lost();
  io_.defer(*this);
}

// After a peer reset, what was already received is processed: notifications still run, and the window, which
// is for calls, does not apply. It may take several slices.
void Connection::read_remaining_notifications() {
  const bool more = ending_.takes_input();
  output_.clear(io_.buffers());
  rpc_session_.disconnected();
  events_.clear();
  end_look_ahead();  // its allowance may be used up
  const std::size_t waiting = in_.size();
  if (more && input_waits_) process(in_);
  const bool stuck = input_waits_ && in_.size() == waiting;
  while (more && !input_waits_ && !ending_.end_read() && ending_.takes_input() && last_reads_ < kLastReads) {
    if (io_.slice_over(kUnitsPerLook)) return postpone_remaining_notifications();
    ++last_reads_;
    const std::span<char> to = io_.read_space();
    const auto got = stream_.read(to.data(), to.size());
    if (got.status != Status::ok) break;
    io_.metrics().received_bytes.add(got.bytes);
    append_input({to.data(), got.bytes});
  }
  if (more && input_waits_ && ending_.takes_input() && !stuck) return postpone_remaining_notifications();
  schedule_close(ending_.peer_gone_reason());
}

void Connection::postpone_remaining_notifications() {
  if (host_.lost_clients() > kLostClientsMax) return schedule_close(ending_.peer_gone_reason());
  host_.postpone_lost(*this);
}

// Closes at the iteration's end: a caller further up the stack may be handling a reply, and its session must
// not end under it.
void Connection::schedule_close(CloseReason reason) {
  if (ending_.schedule_close(reason)) io_.defer(*this);
}

// Processes messages at the front of `window`, which is in_ or the bytes of a read; the rest is kept in in_.
void Connection::process(std::string_view window) {
  std::string_view rest = window;
  bool needs_more = false;  // everything available has been processed
  if (policy_version_ != live_policy_->version()) renew_policy();
  if (host_.memory_short() != memory_short_ && !in_message()) look_at_memory();
  if (limits_version_ != io_.limits_version()) renew_limits();
  while (!needs_more && may_process()) {
    if (!codec()) {
      // White space does not decide the protocol, and is not kept before the decision.
      rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
      needs_more = !identify(rest);
      if (needs_more) break;
    }
    const auto step = looks_ahead_ ? look_ahead(rest) : codec()->next(rest);
    needs_more = step.needs_more;
    rest.remove_prefix(step.consumed);
    if (step.held) [[unlikely]]
      break;
    if (step.consumed > 0 && !needs_more && step.at_boundary) timers_.begin_message(io_.now());
    // Skipping can only have begun where no input is left.
    if (timers_.skipping() || needs_more) timers_.watch_skipping(codec()->skipping(), io_.now());
    if (protocol_switch_.apply_upgrade()) on_codec_change();
    if (io_.slice_over(1 + step.consumed / kUnitBytes)) {
      if (!needs_more && !ending_.peer_gone()) io_.postpone(*this);
      break;
    }
  }
  if (needs_more && ending_.end_read() && ending_.takes_input()) {
    if (!codec()) detect_at_end(rest);
    if (codec()) codec()->finish(rest);
    ending_.end_input();
  }
  if (!ending_.takes_input()) rest = {};
  if (window.data() == in_.data()) {
    in_.erase(0, in_.size() - rest.size());
  } else if (!rest.empty()) {
    io_.buffers().take(in_);
    in_.assign(rest);
  }
  if (in_.empty()) io_.buffers().give(in_);
  input_waits_ = !needs_more && ending_.takes_input();
}

// A reload's changes apply from the next message on, however old the connection is.
void Connection::renew_policy() {
  policy_version_ = live_policy_->version();
  policy_ = live_policy_->get();
  if (codec()) codec()->on_policy_change();
}

// For messages that begin from here on.
void Connection::renew_limits() {
  limits_version_ = io_.limits_version();
  if (codec()) codec()->on_limits_change();
}

// Whether the connection's first bytes have shown its protocol.
bool Connection::identify(std::string_view window) {
  const auto detected = protocol_switch_.detect(window, missing_stage(), *this);
  if (!detected) refuse(detected.error());
  if (!codec()) return false;
  on_codec_change();
  return true;
}

void Connection::detect_at_end(std::string_view rest) {
  const auto detected = protocol_switch_.detect_at_end(rest, missing_stage(), *this);
  if (!detected) refuse(detected.error());
  if (codec()) on_codec_change();
}

ProtocolSwitch::Missing Connection::missing_stage() const {
  using Missing = ProtocolSwitch::Missing;
  if (!stream_.must_refuse()) return Missing::nothing;
  return stream_.lacks_proxy_header() ? Missing::proxy_header : Missing::tls;
}

void Connection::refuse(const ProtocolSwitch::Refusal& refusal) {
  protocol_switch_.append_refusal(output(), refusal, io_.now());
  end_input(refusal.reason);
  if (refusal.foreign) tell_foreign(*this, *refusal.foreign, refusal.log_text);
}

void Connection::fill_peer_identity(Caller& caller) {
  stream_.fill_peer_identity(caller);
  if (auto subject = stream_.peer_certificate()) caller.set_certificate(std::move(*subject));
}

void Connection::on_codec_change() {
  pings_ = codec()->has_keepalive_ping();
  timers_.restart_pings(io_.now());
  count_protocol(codec()->protocol());
}

// An earlier skip has ended, perhaps in the same read.
void Connection::refuse_message(const proto::Error& error) {
  timers_.watch_skipping(false, io_.now());
  rpc_session_.refuse(error, 0);
  if (timers_.overloaded()) end_input(CloseReason::overloaded);
}

}  // namespace sluice::core
