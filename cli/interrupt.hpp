// Interrupt: the user's Ctrl-C, or a reader of stdout that is gone.
#pragma once

#include <poll.h>

#include <array>

namespace sluice::client {

// Two descriptors to poll beside the one that is waited for. Either may be missing (-1).
class Interrupt {
 public:
  // `stop` is readable once waiting has to end; `output` is where results go to. Both belong to the caller.
  Interrupt(int stop, int output) : stop_(stop), output_(output) {}

  // What to poll. After the poll, any revents mean an interrupt.
  std::array<pollfd, 2> watched() const { return {{{stop_, POLLIN, 0}, {output_, 0, 0}}}; }

  bool is_stopped() const { return has_event(watched()[0]); }
  bool output_closed() const { return has_event(watched()[1]); }

 private:
  static bool has_event(pollfd each) { return poll(&each, 1, 0) > 0; }

  int stop_;
  int output_;
};

// From now on the first SIGINT makes the returned descriptor readable; a second one ends the process. One
// call per process; the descriptor stays open. -1: no pipe can be made, and SIGINT still ends the process.
int catch_first_sigint();

}  // namespace sluice::client
