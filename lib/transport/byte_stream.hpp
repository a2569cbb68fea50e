// A connected socket as sessions use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/base/descriptor.hpp"
#include "lib/io/poller.hpp"

namespace sluice::core {

class Caller;

// Non-blocking bytes over TCP or a Unix socket: the one place where sessions meet the system. I/O thread
// only.
class ByteStream {
 public:
  enum class Status : std::uint8_t { ok, would_block, end, failed };
  struct Transfer {
    Status status = Status::ok;
    std::size_t bytes = 0;
  };

  // The descriptor must be non-blocking. `local`: it is a Unix socket.
  ByteStream(Descriptor socket, bool local);

  Transfer read(char* to, std::size_t size);
  Transfer write(std::string_view bytes);

  // Tells `watched` from now until close(), at first when there is something to read. Throws
  // std::system_error at a limit of the system's.
  void watch(Poller& poller, Watched& watched);
  // What it is told of: Poller::kReadable, kWritable, both or neither; that the peer is gone in any case.
  void watch_for(std::uint32_t events);
  std::uint32_t watched_for() const { return events_; }

  // Whether the peer is gone, as opposed to having ended its side only.
  bool peer_gone() const;
  // Tells `caller` who the peer is: the user and the groups that a Unix socket's peer had when it connected,
  // or the address that a TCP connection comes from. Throws std::bad_alloc.
  void introduce(Caller& caller) const;
  bool local() const { return local_; }
  // Bytes that were written and have not reached the peer's system (on a Unix socket: its program).
  std::size_t undelivered() const;
  // Bytes that the peer has sent and nobody has read.
  std::size_t unread() const;

  void shutdown_send();
  void close();

 private:
  std::size_t queued(unsigned long request) const;

  Descriptor socket_;
  Poller* poller_ = nullptr;
  Watched* watched_ = nullptr;
  std::uint32_t events_ = 0;
  bool local_;
};

}  // namespace sluice::core
