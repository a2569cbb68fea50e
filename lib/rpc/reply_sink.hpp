// Where a session's replies go, and what it asks about its connection.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::core {

class Caller;

// Implemented by connections. I/O thread only.
class ReplySink {
 public:
  // The message that was received under `exchange` is answered. `reply` is its answer, to be framed and sent,
  // or empty where none is due; `code` is its error's code (0: a result, or a batch). The reply's memory may
  // be taken.
  virtual void on_reply(std::uint64_t exchange, std::string& reply, std::int64_t code) = 0;
  // A slot in the window is free, though no message is answered by that.
  virtual void on_window_open() = 0;
  // Out of memory, a reply was lost: the connection must end, or its client would wait for it.
  virtual void on_reply_lost() = 0;
  // While a message is received: the string that it lies in, if no code reads that any more and its memory
  // may be taken; else null.
  virtual std::string* reusable_buffer() = 0;
  // It matters who the connection's peer is: gives `caller` what is known about the peer (its user or its
  // address, and its certificate). Called at most once, and never where no clients are configured.
  virtual void fill_peer_identity(Caller& caller) = 0;
  // Its peer, for the log.
  virtual std::string peer() const = 0;

 protected:
  ~ReplySink() = default;
};

}  // namespace sluice::core
