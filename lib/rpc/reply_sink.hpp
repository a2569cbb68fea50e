// Reply sink: receives a session's replies and notes, and answers its questions about the connection.
#pragma once

#include <cstdint>
#include <string>

#include "lib/call/note_output.hpp"

namespace sluice::core {

class Caller;
class SubscriptionSet;

// Implemented by connections. I/O thread only.
class ReplySink : public NoteOutput {
 public:
  // The message that was received under `exchange` is answered. `reply` is its answer, to be framed and sent,
  // or empty where none is due; `code` is its error's code (0: a result, or a batch). The reply's memory may
  // be taken.
  virtual void on_reply(std::uint64_t exchange, std::string& reply, std::int64_t code) = 0;
  // The window has room again, although no message is complete (an entry of a batch was answered).
  virtual void on_window_open() = 0;
  // Out of memory, a reply was lost: the connection must end, or its client would wait for it.
  virtual void on_reply_lost() = 0;
  // While a message is received: the string that it lies in, if no code reads that any more and its memory
  // may be taken; else null.
  virtual std::string* reusable_buffer() = 0;
  // Fills `caller` with the peer's identity: its user or address, and its certificate. Called at most once,
  // and only if clients are configured.
  virtual void fill_peer_identity(Caller& caller) = 0;
  // The subscriptions of the client; null if its protocol can't carry events. Valid until the session is
  // disconnected. Throws std::bad_alloc.
  virtual SubscriptionSet* subscriptions() { return nullptr; }
  // The peer's name for the log.
  virtual std::string peer() const = 0;

 protected:
  ~ReplySink() = default;
};

}  // namespace sluice::core
