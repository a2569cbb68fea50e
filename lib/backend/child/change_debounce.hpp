// Debounce of file changes: one report for changes that follow one another.
#pragma once

#include "lib/time/deadline_wheel.hpp"
#include "lib/time/durations.hpp"

namespace sluice::core {

// Not thread-safe; the time is passed in.
class ChangeDebounce {
 public:
  // After the last change. An editor or a linker changes a file several times, within a few milliseconds. An
  // author who calls what was just saved takes longer.
  static constexpr auto kQuietTime = milliseconds(100);

  void changed(TimePoint now) { due_ = now + kQuietTime; }
  // When the changes are to be reported; TimePoint::max() without any.
  TimePoint due() const { return due_; }
  // True once for all changes up to kQuietTime ago, if none came since.
  bool take(TimePoint now) {
    if (now < due_) return false;
    due_ = TimePoint::max();
    return true;
  }

 private:
  TimePoint due_ = TimePoint::max();
};

}  // namespace sluice::core
