// Connection of a client, of any protocol.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "lib/rpc/rpc_session.hpp"
#include "lib/transport/byte_stream.hpp"
#include "lib/transport/codec.hpp"
#include "lib/transport/codec_host.hpp"
#include "lib/transport/connection_events.hpp"
#include "lib/transport/listener_policy.hpp"
#include "lib/transport/protocol_switch.hpp"
#include "lib/transport/session_host.hpp"

namespace sluice::core {

// Reads, lets its codec cut and frame, writes. Its parts decide: ProtocolSwitch on the codec,
// ConnectionTimers on the end of waits, CloseSequence on how it ends; OutputBuffer holds unsent output. I/O
// thread only.
//
// Backpressure: reading stops while the connection's window is full or its client doesn't read its replies.
// Input that was read by then waits in `in_`, so that memory is bounded by the size of one read. All replies
// of an iteration are sent with one write at its end.
class Connection final : public Session,
                         private CodecHost,
                         private Watched,
                         private ReplySink,
                         private Reader,
                         private SlicedWork,
                         private Deadline {
 public:
  Connection(SessionHost& host, ByteStream stream, std::shared_ptr<const LivePolicy> policy,
             ConnectionLimit::Permit permit, const CodecFactory& codecs);
  ~Connection() override;

  void start() override;
  void drain() override;
  void abort_calls(const proto::Error& error) override;
  void renew_rights() override { events_.renew_rights(); }
  void close(CloseReason reason) override;

  // Charges to its peer what has passed since `began`: accepting and starting it. I/O thread only.
  void charge_since(TimePoint began);

 private:
  // Fraction of max_output_buffer: with more unread output, the connection is not read from.
  static constexpr std::size_t kOutputPauseDivisor = 4;
  // Approximate memory of TLS for a connection.
  static constexpr std::size_t kTlsBytes = 12 * 1024;

  // Interface for its codec.
  void refuse_message(const proto::Error& error) override;
  void end_input(CloseReason reason) override;
  void upgrade_to_websocket(const PageClaim& claim) override {
    protocol_switch_.upgrade_to_websocket(*this, claim);
  }
  std::size_t message_bytes_max() const override;
  proto::Error message_too_big() const override;
  bool has_subscriptions() const override { return events_.any(); }
  bool secure() const override { return stream_.secure(); }
  bool from_outside() const override { return stream_.from_outside(); }
  std::string peer() const override { return stream_.peer(); }
  bool server_ready() const override { return !host_.calls().admission_pipeline().draining(); }

  // Reading.
  Codec* codec() const { return protocol_switch_.codec(); }  // null before the first bytes
  void on_ready(std::uint32_t events) override;
  bool wants_input() const;
  std::size_t read(std::span<char> to);
  bool count_peer();
  void join_share(const PeerKey& peer);
  void read_at_once();
  void on_bytes(std::string_view bytes) override;
  void receive(std::string_view bytes);
  bool yields() const;
  std::span<char> space();
  void note_use();
  void on_slice() override;
  void on_read_failure();
  void on_end_of_input();
  void append_input(std::string_view bytes);
  void on_peer_ended();
  void on_peer_gone();
  void read_remaining_notifications();
  void postpone_remaining_notifications();
  void schedule_close(CloseReason reason);
  void fail(const std::exception& exception);
  void process(std::string_view window);
  bool identify(std::string_view window);
  void on_codec_change();
  void detect_at_end(std::string_view rest);
  ProtocolSwitch::Missing missing_stage() const;
  void refuse(const ProtocolSwitch::Refusal& refusal);
  void renew_policy();
  void renew_limits();
  bool may_process() const;
  // Backpressure: input is not processed before there is room.
  bool held_up() const { return !may_process() || (looks_ahead_ && in_.size() >= look_ahead_left_); }
  Codec::Step look_ahead(std::string_view window);
  void update_look_ahead();
  bool window_changed() const { return rpc_session_.window_full() != timers_.window_full(); }
  void begin_look_ahead();
  void end_look_ahead();

  // Writing.
  void on_reply(std::uint64_t exchange, std::string& reply, std::int64_t code) override;
  void on_window_open() override { io_.defer(*this); }
  std::string* reusable_buffer() override { return codec() ? codec()->reusable_buffer() : nullptr; }
  void on_reply_lost() override { schedule_close(CloseReason::output_full); }
  void fill_peer_identity(Caller& caller) override;
  SubscriptionSet* subscriptions() override {
    return codec() && codec()->takes_events() ? events_.subscriptions() : nullptr;
  }
  // Bytes of replies that the client has not read.
  std::size_t backlog() const { return output_.unsent() + (codec() ? codec()->held_bytes() : 0); }
  // How much to write: until the kernel has no room, or until the slice is over.
  enum class Extent : std::uint8_t { whole, slice };
  void flush(Extent extent);
  void flush_long(Extent extent);
  void write_out(Extent extent);

  // Iterations of the connection.
  void on_deferred() override;
  void run_deferred_work();
  void process_waiting();
  void deliver_events();
  // Whether its peer takes more than half of the thread while others have work too.
  bool takes_too_much() const { return io_.slices().over_half(*share(), io_.now()) && io_.contended(); }
  bool only_waits() const;
  void rest();
  void update_waits();
  bool is_idle() const;
  bool in_message() const { return !in_.empty() || (codec() && codec()->in_message()); }
  void send_protocol_close();
  void close_gracefully();
  void linger();
  void on_deadline(TimePoint now) override;
  void look_at_time(TimePoint now);
  void end_drained();
  ConnectionTimers::State timer_state() const;
  TimePoint next_deadline() const {
    return std::min(events_.deadline(), timers_.next_deadline(io_.limits, timer_state()));
  }
  void schedule() { schedule(next_deadline()); }
  void schedule(TimePoint due);

  // Memory that it holds, and may hold.
  std::size_t held_bytes() const;
  bool memory_changed() const;
  void count_memory();
  void look_at_memory();
  void watch_unproven();

  // Presence of the client.
  void ping(TimePoint now);
  bool peer_look_due(TimePoint now) const;
  bool end_may_be_hidden() const;
  void look_for_peer(TimePoint now);
  void limit_unacknowledged();
  bool may_have_spoken(CloseReason reason) const;
  void count_protocol(Protocol protocol);
  void log_close(CloseReason reason) const;

  SessionHost& host_;
  ByteStream stream_;
  ConnectionLimit::Permit permit_;
  PeerMembership peer_share_;
  const std::shared_ptr<const LivePolicy> live_policy_;
  std::uint32_t policy_version_;  // of policy_
  std::uint32_t limits_version_;  // of the limits that its codec knows
  ProtocolSwitch protocol_switch_;
  RpcSession rpc_session_;
  ConnectionEvents events_;
  TimePoint use_since_;              // the window in which use_ was counted
  std::chrono::nanoseconds use_{0};  // time of the I/O thread, without short slices
  std::size_t look_ahead_left_ = 0;  // bytes that may be accepted beyond the full window
  bool looks_ahead_ = false;
  std::size_t message_bytes_ = 0;   // received size of the current message, beside in_
  int last_reads_ = 0;              // reads since the client is gone
  std::size_t unproven_bytes_ = 0;  // received since the client was last authenticated
  TimePoint scheduled_ = TimePoint::max();
  Protocol protocol_ = Protocol::unknown;
  bool input_waits_ = false;  // in_ holds input that waits only for backpressure to end
  bool pings_ = false;        // the protocol has keep-alive pings
  bool unacknowledged_limited_ = false;
  bool memory_short_ = false;  // memory was short when the message began
};

[[gnu::always_inline]] inline bool Connection::may_process() const {
  const bool room = looks_ahead_ ? look_ahead_left_ > 0 : !rpc_session_.window_full();
  return ending_.takes_input() && room && backlog() <= io_.limits.output_bytes_max / kOutputPauseDivisor;
}

inline std::size_t Connection::held_bytes() const {
  const std::size_t framing = codec() ? codec()->held_bytes() + codec()->input_bytes() : 0;
  const std::size_t tls = stream_.secure() ? kTlsBytes : 0;
  return in_.capacity() + output_.capacity() + framing + tls + rpc_session_.held_bytes();
}

// Whether its memory has changed so much that it must be counted again.
inline bool Connection::memory_changed() const {
  constexpr std::size_t kSlack = MemoryBudget::kSlackBytes;
  const std::size_t held = held_bytes();
  return held >= counted_bytes + kSlack || held + kSlack <= counted_bytes;
}

}  // namespace sluice::core
