// Progress bar on stderr.
#pragma once

#include <cstdint>

#include "cli/socket.hpp"

namespace sluice::client {

// One line on stderr that shows how far a run is and how fast it goes just now.
// Silent if stderr is not a terminal.
class ProgressBar {
 public:
  ProgressBar(TimePoint begin, TimePoint end);
  ~ProgressBar();  // takes the line away
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // May be called as often as one likes; draws a few times a second.
  void update(TimePoint now, std::uint64_t answered) {
    if (shown_ && now >= next_) draw(now, answered);
  }

 private:
  void draw(TimePoint now, std::uint64_t answered);

  TimePoint begin_;
  TimePoint end_;
  TimePoint next_;  // when to draw again
  TimePoint drawn_;
  std::uint64_t answered_ = 0;  // when last drawn
  bool shown_;
};

}  // namespace sluice::client
