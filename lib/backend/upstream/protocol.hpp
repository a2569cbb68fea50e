// What an upstream connection speaks: the one part in which connections differ.
#pragma once

#include <cstddef>

#include "lib/backend/upstream/channel.hpp"
#include "lib/backend/upstream/stream.hpp"

namespace sluice::core {

inline constexpr std::size_t kKeptBytesMax = 64 * 1024;     // of room, in buffers between calls
inline constexpr std::size_t kUnsentBytesMax = 256 * 1024;  // past it no more attempts are taken

// Writes attempts to its connection's stream, and reads messages, which it gives to the channel. Belongs to
// one connection, which connects the stream and closes it. Backends' thread only.
class UpstreamProtocol {
 public:
  virtual ~UpstreamProtocol() = default;
  UpstreamProtocol(const UpstreamProtocol&) = delete;
  UpstreamProtocol& operator=(const UpstreamProtocol&) = delete;

  // Called when the stream is connected: UpstreamChannel::opened() is to follow, at once or later.
  virtual void begin() = 0;
  // Writes the call at once or soon; UpstreamAttempts::note_sent() is to follow as soon as a byte may have
  // left.
  virtual void write(UpstreamAttempt& attempt, const ActiveCall& call) = 0;
  // Notifies the other side that no client waits any more, if that costs little.
  virtual void write_cancel(const UpstreamAttempt& attempt) = 0;

  // How many attempts may be under way now.
  virtual std::size_t capacity() const { return route().settings.concurrency; }
  // Bytes that the other side has yet to take.
  virtual std::size_t unsent() const { return 0; }
  virtual bool answers_notifications() const { return false; }
  // Whether the other side says, beside an error that names no call, that it did not do well.
  virtual bool unnamed_error_fails() const { return false; }
  // How long the connection may go on with nothing in flight, and how it ends then.
  struct IdleLimit {
    milliseconds limit;
    UpstreamEnd end;
    const char* what;
  };
  virtual IdleLimit idle_limit() const { return {route().settings.idle_timeout, UpstreamEnd::idle, "idle"}; }

 protected:
  UpstreamProtocol(UpstreamChannel& channel, UpstreamStream& stream) : channel_(channel), stream_(stream) {}

  UpstreamChannel& channel() { return channel_; }
  const UpstreamChannel& channel() const { return channel_; }
  UpstreamStream& stream() { return stream_; }
  UpstreamAttempts& attempts() { return channel_.attempts(); }
  const UpstreamAttempts& attempts() const { return channel_.attempts(); }
  const UpstreamRoute& route() const { return channel_.route(); }
  BackendHub& hub() const { return channel_.hub(); }
  bool closed() const { return channel_.closed(); }

 private:
  UpstreamChannel& channel_;
  UpstreamStream& stream_;
};

}  // namespace sluice::core
