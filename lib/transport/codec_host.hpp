// Codec host: the part of a connection that its codec uses.
#pragma once

#include <cstddef>
#include <string>

#include "lib/rpc/rpc_session.hpp"
#include "lib/transport/close_sequence.hpp"
#include "lib/transport/connection_timers.hpp"
#include "lib/transport/listener_policy.hpp"
#include "lib/transport/output_buffer.hpp"
#include "lib/worker/io_thread.hpp"

namespace sluice::core {

struct PageClaim;

class Codec;

// The session behind the codec, the output, and the end of the input. Members that every message passes
// through are held here, so that a codec needs no virtual call for them. I/O thread only.
class CodecHost : protected DeferredTask {
 public:
  IoThread& io() { return io_; }
  const Limits& limits() const { return io_.limits; }
  const ListenerPolicy& policy() const { return *policy_; }
  RpcSession& rpc_session() { return session_; }

  // Output buffer, written at the end of the iteration. It has room for a message of `bytes` and its head, if
  // they are many and the pool has that memory.
  std::string& output(std::size_t bytes = 0);
  // Has the connection look at the end of the iteration what there is to do.
  void wake() { io_.defer(*this); }
  // A message that came in parts and was kept until its end; otherwise null. Within Codec::next() only.
  std::string* partial_message() { return in_.empty() ? nullptr : &in_; }
  // Whether there is unprocessed input.
  bool input_waits() const { return !in_.empty(); }

  // Answers an invalid message. The time limit for skipping its rest begins now.
  virtual void refuse_message(const proto::Error& error) = 0;
  // No more messages are accepted; calls in flight are finished and answered.
  virtual void end_input(CloseReason reason) = 0;
  bool takes_input() const { return ending_.takes_input(); }
  bool draining() const { return ending_.draining(); }
  // Whether the client has ended its side.
  bool input_ended() const { return ending_.end_known(); }
  // Whether it has subscriptions, or there are ends of some that it does not know yet.
  virtual bool has_subscriptions() const = 0;
  // Switches to WebSocket from the next step on. `claim` is the handshake's.
  virtual void upgrade_to_websocket(const PageClaim& claim) = 0;

  // Size limit of a message that begins now, and the answer to a longer one.
  virtual std::size_t message_bytes_max() const = 0;
  virtual proto::Error message_too_big() const = 0;

  // Whether the connection uses TLS.
  virtual bool secure() const = 0;
  // Whether the peer is known to be on another machine, even if a proxy on this one has connected.
  virtual bool from_outside() const = 0;
  // For the log.
  virtual std::string peer() const = 0;
  // Whether the server accepts calls, as /readyz reports it.
  virtual bool server_ready() const = 0;

 protected:
  CodecHost(IoThread& io, RpcSession& session) : io_(io), timers_(io.now()), session_(session) {}
  ~CodecHost() = default;

  IoThread& io_;
  SharedPolicy policy_;  // never null once the connection is constructed
  std::string in_;       // received, not yet processed: a message's beginning, or input that had to wait
  OutputBuffer output_;
  ConnectionTimers timers_;
  CloseSequence ending_;

 private:
  // Largest head of a message in any protocol.
  static constexpr std::size_t kHeadBytes = 1024;

  RpcSession& session_;
};

inline std::string& CodecHost::output(std::size_t bytes) {
  if (output_.empty()) timers_.on_output(io_.now());
  io_.defer(*this);
  return output_.append_to(io_.buffers(), kHeadBytes + bytes);
}

}  // namespace sluice::core
