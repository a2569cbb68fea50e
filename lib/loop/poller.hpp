// Poller: an epoll instance that reports ready sockets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <sys/epoll.h>

#include "lib/base/descriptor.hpp"

namespace sluice::core {

// Base class of objects that wait for a socket. Notified repeatedly while the socket is ready for the watched
// events.
class Watched {
 public:
  // `events`: Poller::kReadable, kWritable and kGone. Must not throw.
  virtual void on_ready(std::uint32_t events) = 0;

 protected:
  ~Watched() = default;
};

// A level-triggered epoll instance beside the event loop's. The event loop needs a request for every wait,
// which costs a system call, an allocation per message, and memory while waiting. Here a socket is registered
// once, and an idle one costs only the kernel's part.
// 64 connections with one call each: 2.0 system calls per call instead of 3.0. Not thread-safe.
class Poller {
 public:
  static constexpr std::uint32_t kReadable = EPOLLIN;
  static constexpr std::uint32_t kWritable = EPOLLOUT;
  static constexpr std::uint32_t kGone = EPOLLERR | EPOLLHUP;  // always watched
  static constexpr std::uint32_t kOnce = EPOLLET;  // in addition to others: notified of each change once
  static constexpr std::size_t kEventsMax = 64;    // in one notification

  // Throws std::system_error at a limit of the system's.
  Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Readable when a socket is ready.
  int descriptor() const { return epoll_.get(); }

  // `watched` must live until remove(). Throws std::system_error at a limit of the system's.
  void add(int socket, std::uint32_t events, Watched& watched);
  void change(int socket, std::uint32_t events, Watched& watched);
  // From here on `watched` is not notified. Call before the socket is closed.
  void remove(int socket, Watched& watched);

  // Reports what is ready now, without waiting, until `stop()`; the next call goes on with the rest. Returns
  // how many were ready. If all of the rest were watched with kOnce, descriptor() does not become readable:
  // those connections have postponed work.
  template <typename Stop>
  std::size_t dispatch(const Stop& stop) {
    if (next_ >= count_) look();
    while (next_ < count_) {
      const epoll_event& event = ready_[next_++];
      if (event.data.ptr == nullptr) continue;
      static_cast<Watched*>(event.data.ptr)->on_ready(event.events);
      if (stop()) break;
    }
    return count_;
  }
  std::size_t dispatch() {
    return dispatch([] { return false; });
  }

 private:
  void look();

  Descriptor epoll_;
  std::array<epoll_event, kEventsMax> ready_;
  std::size_t next_ = 0;  // within ready_: earlier ones have been reported
  std::size_t count_ = 0;
};

}  // namespace sluice::core
