#include "lib/loop/poller.hpp"

#include <cerrno>
#include <system_error>

namespace sluice::core {
namespace {

void control(int epoll, int operation, int socket, std::uint32_t events, Watched& watched) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watched;
  if (::epoll_ctl(epoll, operation, socket, &event) != 0) {
    throw std::system_error(errno, std::system_category(), "epoll_ctl");
  }
}

}  // namespace

Poller::Poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) throw std::system_error(errno, std::system_category(), "epoll_create1");
}

void Poller::add(int socket, std::uint32_t events, Watched& watched) {
  control(epoll_.get(), EPOLL_CTL_ADD, socket, events, watched);
}

void Poller::change(int socket, std::uint32_t events, Watched& watched) {
  control(epoll_.get(), EPOLL_CTL_MOD, socket, events, watched);
}

void Poller::remove(int socket, Watched& watched) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, socket, nullptr);
  // Another socket's event may remove it before its own is reported.
  for (std::size_t at = next_; at < count_; ++at) {
    if (ready_[at].data.ptr == &watched) ready_[at].data.ptr = nullptr;
  }
}

void Poller::look() {
  const int found = ::epoll_wait(epoll_.get(), ready_.data(), static_cast<int>(kEventsMax), 0);
  count_ = found > 0 ? static_cast<std::size_t>(found) : 0;
  next_ = 0;
}

}  // namespace sluice::core
