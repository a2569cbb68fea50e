// Memory for what is read and written, used again.
#pragma once

#include <cassert>
#include <cstddef>
#include <string>
#include <vector>

#include "lib/base/release_memory.hpp"

namespace sluice::core {

// Keeps buffers for the next one who needs one: idle connections hold none, busy ones allocate none. They
// change places with the caller's string, which costs half of moving them. Not thread-safe.
class BufferPool {
 public:
  static constexpr std::size_t kBuffersMax = 64;
  static constexpr std::size_t kBufferBytesMin = 64;  // a smaller one is not worth its place
  static constexpr std::size_t kBufferBytesMax = 256 * 1024;

  // Places for all buffers at once, so that giving one back can't fail.
  BufferPool() : buffers_(kBuffersMax) {}

  // Gives `buffer`, which is empty, the memory of one that was used before, if it has none of its own.
  void take(std::string& buffer) {
    assert(buffer.empty());
    if (count_ > 0 && !has_memory(buffer)) buffer.swap(buffers_[--count_]);
  }

  // Leaves `buffer` empty, without memory of its own.
  void give(std::string& buffer) {
    buffer.clear();
    if (has_memory(buffer)) keep(buffer);
  }

 private:
  static bool has_memory(const std::string& buffer) { return buffer.capacity() > std::string().capacity(); }
  void keep(std::string& buffer) {
    const std::size_t bytes = buffer.capacity();
    if (count_ == kBuffersMax || bytes > kBufferBytesMax || bytes < kBufferBytesMin) {
      release_memory(buffer);
    } else {
      buffer.swap(buffers_[count_++]);
    }
  }

  std::vector<std::string> buffers_;  // the first count_ have memory
  std::size_t count_ = 0;
};

}  // namespace sluice::core
