// How much comes from a backend that is of no use.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "lib/base/deadline_wheel.hpp"

namespace sluice::core {

// Bytes within a second that begins with the first of them. Not thread-safe; the time is passed in.
class RubbishMeter {
 public:
  static constexpr std::size_t kPieceBytes = 64;  // what each piece costs at least: looking at it takes time
  static constexpr std::size_t kBytesMax = 1024 * 1024;  // a second

  explicit RubbishMeter(TimePoint now) : since_(now) {}

  // Whether it is too much by now.
  bool count(std::size_t bytes, TimePoint now) {
    if (now >= until()) {
      since_ = now;
      bytes_ = 0;
    }
    bytes_ += bytes;
    return bytes_ > kBytesMax;
  }
  // Takes back what has turned out to be of use.
  void excuse(std::size_t bytes) { bytes_ -= std::min(bytes_, bytes); }
  // The end of its second.
  TimePoint until() const { return since_ + std::chrono::seconds(1); }

 private:
  TimePoint since_;
  std::size_t bytes_ = 0;
};

}  // namespace sluice::core
