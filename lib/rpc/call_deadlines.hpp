// The time limits of calls that outlive their iteration.
#pragma once

#include <chrono>

#include "lib/call/active_call.hpp"
#include "lib/worker/io_thread.hpp"

namespace sluice::core {

// Most calls end long before their time is up. So a deadline that is some way off is set only once its call
// has been there for a while: setting and clearing took 10 ns of a call through the pool. I/O thread only.
class CallDeadlines final : Deadline {
 public:
  // When calls that have come since are looked at.
  static constexpr auto kPause = std::chrono::milliseconds(50);

  explicit CallDeadlines(IoThread& io) : io_(io) {}

  // The call is notified when its deadline passes, unless that is cleared.
  void watch(ActiveCall& call) {
    if (call.deadline < io_.now() + 2 * kPause) return io_.set_deadline(call, call.deadline);
    if (!linked()) io_.set_deadline(*this, io_.now() + kPause);
  }

 private:
  void on_deadline(TimePoint) override {
    io_.calls().age([this](ActiveCall& call) {
      if (!call.answered) io_.set_deadline(call, call.deadline);
    });
  }

  IoThread& io_;
};

}  // namespace sluice::core
