#include "cli/interrupt.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace sluice::client {
namespace {

int stop_writer = -1;  // written before the handler is there

void on_sigint(int) {
  const int saved = errno;
  [[maybe_unused]] const ssize_t written = ::write(stop_writer, "", 1);
  errno = saved;
}

}  // namespace

int catch_first_sigint() {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return -1;
  stop_writer = ends[1];
  struct sigaction action {};
  action.sa_handler = on_sigint;
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  return ends[0];
}

}  // namespace sluice::client
