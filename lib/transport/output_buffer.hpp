// Output buffer of a connection.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "lib/base/buffer_pool.hpp"
#include "lib/transport/byte_stream.hpp"

namespace sluice::core {

// Replies are appended during an iteration and written at its end, in as few writes as possible. Memory comes
// from the thread's pool and returns to it once all is sent, so that an idle connection holds no buffer. The
// connection bounds how much may wait. I/O thread only.
class OutputBuffer {
 public:
  // Size of one write, before others may be served.
  static constexpr std::size_t kWriteBytes = 256 * 1024;

  // Bytes that are not yet in the kernel.
  std::size_t unsent() const { return bytes_.size() - sent_; }
  bool empty() const { return bytes_.empty(); }
  std::size_t capacity() const { return bytes_.capacity(); }
  // The last flush stopped early: the next one waits until the poller reports room.
  bool blocked() const { return blocked_; }
  void on_writable() { blocked_ = false; }

  // The buffer to append to. It has room for `bytes` more if they are many and the pool has that memory.
  std::string& append_to(BufferPool& pool, std::size_t bytes);

  // Calls `write(std::string_view)`, which returns a ByteStream::Transfer, until all is sent or the kernel
  // has no room. Also stops if `pause(bytes)` is true after a write of `bytes` that left something. False if
  // a write failed: no more can be sent.
  template <typename Write, typename Pause>
  bool flush(BufferPool& pool, const Write& write, const Pause& pause);

  // Drops unsent output.
  void clear(BufferPool& pool) {
    pool.give(bytes_);
    sent_ = 0;
    blocked_ = false;
  }

 private:
  std::string bytes_;
  std::size_t sent_ = 0;  // bytes at the front that are in the kernel
  bool blocked_ = false;
};

inline std::string& OutputBuffer::append_to(BufferPool& pool, std::size_t bytes) {
  if (bytes_.empty()) {
    pool.take(bytes_);
  } else if (sent_ > bytes_.size() / 2) {
    // Sent bytes are removed only when something is appended, and if that is worth the copying.
    bytes_.erase(0, sent_);
    sent_ = 0;
  }
  pool.widen(bytes_, bytes_.size() + bytes);
  return bytes_;
}

template <typename Write, typename Pause>
[[gnu::always_inline]] inline bool OutputBuffer::flush(BufferPool& pool, const Write& write,
                                                       const Pause& pause) {
  while (unsent() > 0) {
    const ByteStream::Transfer sent = write(std::string_view(bytes_).substr(sent_, kWriteBytes));
    if (sent.status == ByteStream::Status::would_block) {
      blocked_ = true;
      return true;
    }
    if (sent.status != ByteStream::Status::ok) return false;
    sent_ += sent.bytes;
    if (unsent() > 0 && pause(sent.bytes)) {
      blocked_ = true;
      return true;
    }
  }
  if (!bytes_.empty()) clear(pool);
  return true;
}

}  // namespace sluice::core
