// What a connection speaks: the one place where protocols differ.
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

// Takes messages out of a connection's bytes, hands them to its RpcSession, and frames the replies.
// Reading, writing, waiting, bounds and ends are the connection's, the same for all. Belongs to one
// connection; I/O thread only.
class Codec {
 public:
  explicit Codec(CodecHost& host) : host_(host) {}
  virtual ~Codec() = default;
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  struct Step {
    std::size_t consumed = 0;  // bytes to drop from the front of the window
    bool needs_more = false;   // there is nothing to be done before more bytes come
    bool at_boundary = false;  // no message has begun whose end has not been seen
  };

  // Other bounds hold for the messages that begin from here on.
  virtual void on_limits_change() {}

  // Deals with one thing at the front of the window, which starts where the last step ended.
  virtual Step next(std::string_view window) = 0;

  // No more bytes will come; `rest` is what next() could not complete.
  virtual void finish(std::string_view rest) = 0;

  // Frames the reply to what was received under `exchange`, whose memory it may take; empty where none is
  // due. `code` is 0 for a result or a batch, else the error's.
  virtual void reply(std::uint64_t exchange, std::string& reply, std::int64_t code) = 0;

  // Within next(), while its RpcSession receives a message: the string that this lies in, if nobody looks
  // at that any more; else null.
  virtual std::string* reusable_buffer() { return nullptr; }

  // Whether a message has begun whose end has not been seen.
  virtual bool in_message() const = 0;
  // Whether what comes is thrown away until the end of a message that is too big.
  virtual bool skipping() const { return false; }
  // Replies that are kept until those before them are there.
  std::size_t held_bytes() const { return held_bytes_; }
  // Memory for the message that is being taken in, beside what the connection keeps.
  std::size_t input_bytes() const { return input_bytes_; }
  // Where each message shows anew who sends it: what has come of the one that has begun.
  virtual std::optional<std::size_t> own_proof_bytes() { return std::nullopt; }
  // The client has sent too much without a proof; the input has ended.
  virtual void refuse_unproven(const proto::Error& error);

  // Whether a silent peer can be asked for a sign of life, and asking it.
  virtual bool probes() const { return false; }
  virtual void probe() {}
  // What the end of the client's input means for its calls.
  enum class InputEnd : std::uint8_t {
    half_close,  // it may wait for the replies: see test_peer()
    leaving,     // it waits a moment at most
    disconnect,  // it can't use any reply
  };
  virtual InputEnd input_end() const { return InputEnd::half_close; }
  // Sends something that means nothing to the peer, while replies are due: a peer that is gone resets the
  // connection. False where there is nothing of the kind.
  virtual bool test_peer() { return false; }
  // The message that has begun takes too long: says so and ends the input. False where the protocol has no
  // words for it.
  virtual bool time_out() { return false; }
  // A reload has given the listener another policy, which counts from here on.
  virtual void on_policy_change() {}
  // Last words, before the sending side is shut.
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
