// Codec: the protocol handler of a connection. Only codecs differ between protocols.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/observe/metrics.hpp"
#include "proto/error.hpp"

namespace sluice::core {

class CodecHost;
struct EventMessage;

// Cuts messages from a connection's bytes, passes them to its RpcSession, and frames the replies. The
// connection handles reading, writing, waiting, limits and its end for all protocols. Belongs to one
// connection; I/O thread only.
class Codec {
 public:
  explicit Codec(CodecHost& host) : host_(host) {}
  virtual ~Codec() = default;
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  struct Step {
    std::size_t consumed = 0;  // bytes to drop from the front of the window
    bool needs_more = false;   // nothing can be done before more bytes arrive
    bool at_boundary = false;  // not within a message
    bool held = false;         // nothing can be done before the codec has sent something
  };

  // The limits have changed, for messages that begin from here on.
  virtual void on_limits_change() {}

  // Processes one element at the front of the window, which starts where the last step ended.
  virtual Step next(std::string_view window) = 0;

  // No more bytes will come. `rest` is what next() could not complete.
  virtual void finish(std::string_view rest) = 0;

  // Frames the reply to the message received under `exchange`, and may take its memory. Empty if no reply is
  // due. `code` is 0 for a result or a batch, else the error's.
  virtual void reply(std::uint64_t exchange, std::string& reply, std::int64_t code) = 0;

  // Whether the protocol can carry events, and framing one. Throws std::bad_alloc; then nothing is written.
  virtual bool takes_events() const { return false; }
  virtual void send_event(const EventMessage&) {}
  // Whether the client is to get a heartbeat after a silence, and sending one.
  virtual bool has_event_heartbeat() const { return false; }
  virtual void send_event_heartbeat() {}
  // The ends of all subscriptions have been sent.
  virtual void on_events_over() {}

  // Within next(), while its RpcSession receives a message: the string that the message lies in, if its
  // memory may be taken; else null.
  virtual std::string* reusable_buffer() { return nullptr; }

  // Whether a message has begun and not ended.
  virtual bool in_message() const = 0;
  // Whether input is dropped until the end of an oversize message.
  virtual bool skipping() const { return false; }
  // Bytes of replies that wait for earlier ones.
  std::size_t held_bytes() const { return held_bytes_; }
  // Memory for the message that is being received, in addition to the connection's.
  std::size_t input_bytes() const { return input_bytes_; }
  // If each message has its own credentials: the received size of the current one.
  virtual std::optional<std::size_t> own_credentials_bytes() { return std::nullopt; }
  // The client has sent too much without authentication; the input has ended.
  virtual void refuse_unproven(const proto::Error& error);

  // Whether the protocol has keep-alive pings, and sending one.
  virtual bool has_keepalive_ping() const { return false; }
  virtual void send_keepalive_ping() {}
  // Meaning of the client's end of input for its calls.
  enum class InputEnd : std::uint8_t {
    half_close,  // the client may wait for the replies: see test_peer()
    leaving,     // the client waits a moment at most
    disconnect,  // the client can't use any reply
  };
  virtual InputEnd input_end() const { return InputEnd::half_close; }
  // Sends a byte without meaning to the peer, while replies are due: a peer that is gone resets the
  // connection. False if the protocol has no such byte.
  virtual bool test_peer() { return false; }
  // A message takes too long: sends the error and ends the input. False if the protocol has no such error.
  virtual bool time_out() { return false; }
  // A reload has changed the listener's policy, which applies from here on.
  virtual void on_policy_change() {}
  // Sends the protocol's close, before the sending side is shut down.
  virtual void protocol_close(CloseReason) {}

  virtual Protocol protocol() const = 0;

 protected:
  CodecHost& host() { return host_; }
  const CodecHost& host() const { return host_; }

  std::size_t held_bytes_ = 0;
  std::size_t input_bytes_ = 0;

 private:
  CodecHost& host_;
};

}  // namespace sluice::core
