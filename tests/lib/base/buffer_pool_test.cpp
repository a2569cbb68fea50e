#include "lib/base/buffer_pool.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace sluice::core {
namespace {

const std::size_t kWithoutMemory = std::string().capacity();

std::string buffer_of(std::size_t bytes) {
  std::string buffer;
  buffer.reserve(bytes);
  return buffer;
}

TEST_CASE("buffer pool: memory that was given is taken next, and empty") {
  BufferPool pool;
  std::string first = buffer_of(1000);
  const char* const memory = first.data();
  first = "what was in it";
  pool.give(first);
  CHECK(first.empty());
  CHECK(first.capacity() == kWithoutMemory);

  std::string second;
  pool.take(second);
  CHECK(second.empty());
  CHECK(second.data() == memory);
  CHECK(second.capacity() >= 1000);
}

TEST_CASE("buffer pool: a buffer stays as it is if the pool is empty") {
  BufferPool pool;
  std::string buffer;
  pool.take(buffer);
  CHECK(buffer.capacity() == kWithoutMemory);
  pool.give(buffer);
  pool.take(buffer);
  CHECK(buffer.capacity() == kWithoutMemory);
}

// It would be the next one's who takes, whatever its size.
TEST_CASE("buffer pool: a string with memory keeps it, and the pool gets none") {
  BufferPool pool;
  std::string kept = buffer_of(100);
  const char* const memory = kept.data();
  pool.give(kept);
  std::string large = buffer_of(2 * BufferPool::kBufferBytesMax);
  pool.take(large);
  CHECK(large.capacity() >= 2 * BufferPool::kBufferBytesMax);
  std::string next;
  pool.take(next);
  CHECK(next.data() == memory);
}

TEST_CASE(
    "buffer pool: neither small nor long memory is given to who asks for any, and of the rest only so much") {
  BufferPool pool;
  for (const std::size_t bytes : {BufferPool::kBufferBytesMin - 1, BufferPool::kBufferBytesMax + 1}) {
    std::string buffer = buffer_of(bytes);
    pool.give(buffer);
    CHECK(buffer.capacity() == kWithoutMemory);
    pool.take(buffer);
    CHECK(buffer.capacity() == kWithoutMemory);
  }

  for (std::size_t i = 0; i <= BufferPool::kBuffersMax; ++i) {
    std::string buffer = buffer_of(100);
    pool.give(buffer);
    CHECK(buffer.capacity() == kWithoutMemory);
  }
  std::vector<std::string> taken(BufferPool::kBuffersMax + 1);
  for (std::string& buffer : taken) pool.take(buffer);
  CHECK(taken[BufferPool::kBuffersMax - 1].capacity() >= 100);
  CHECK(taken[BufferPool::kBuffersMax].capacity() == kWithoutMemory);
}

TEST_CASE(
    "buffer pool: who asks for more than a usual buffer gets a long one that has it, and keeps its text") {
  BufferPool pool;
  static constexpr std::size_t kLong = 4 * BufferPool::kBufferBytesMax;
  std::string shorter = buffer_of(kLong / 2), longer = buffer_of(kLong);
  const char* const memory = longer.data();
  pool.give(longer);
  pool.give(shorter);
  CHECK(pool.holds_long());

  std::string buffer = "what is in it";
  pool.widen(buffer, BufferPool::kBufferBytesMax);  // not long
  CHECK(buffer.capacity() < BufferPool::kBufferBytesMax);
  pool.widen(buffer, kLong + 1);  // more than there is
  CHECK(buffer.capacity() < BufferPool::kBufferBytesMax);
  pool.widen(buffer, kLong);
  CHECK(buffer == "what is in it");
  CHECK(buffer.data() == memory);

  // What has the room stays where it is; what hasn't leaves its own memory behind.
  pool.widen(buffer, kLong);
  CHECK(buffer.data() == memory);
  pool.widen(shorter, kLong / 2);
  CHECK(shorter.capacity() >= kLong / 2);
  CHECK_FALSE(pool.holds_long());
  pool.give(buffer);
  pool.widen(shorter, kLong);
  CHECK(shorter.data() == memory);
  CHECK(pool.holds_long());
}

TEST_CASE("buffer pool: a buffer that is much longer than is asked for is not given away") {
  BufferPool pool;
  static constexpr std::size_t kLong = 8 * BufferPool::kBufferBytesMax;
  std::string longer = buffer_of(kLong), buffer;
  pool.give(longer);
  pool.widen(buffer, kLong / 3);
  CHECK(buffer.capacity() == kWithoutMemory);
  pool.widen(buffer, kLong / 3, 4);
  CHECK(buffer.capacity() >= kLong);
}

TEST_CASE("buffer pool: of long memory only so much is kept, and the oldest goes first") {
  BufferPool pool;
  static constexpr std::size_t kThird = BufferPool::kLongBytesMax / 3;
  std::string first = buffer_of(kThird + 2), second = buffer_of(kThird + 1), third = buffer_of(kThird);
  for (std::string* const buffer : {&first, &second, &third}) {
    pool.give(*buffer);
    CHECK(buffer->capacity() == kWithoutMemory);
  }
  std::string buffer;
  pool.widen(buffer, kThird + 2);
  CHECK(buffer.capacity() == kWithoutMemory);
  pool.widen(buffer, kThird + 1);
  CHECK(buffer.capacity() >= kThird + 1);
  std::string too_long = buffer_of(BufferPool::kLongBytesMax + 1);
  pool.give(too_long);
  CHECK(too_long.capacity() == kWithoutMemory);
  std::string other;
  pool.widen(other, kThird);  // the third is there still
  CHECK(other.capacity() >= kThird);
}

TEST_CASE("buffer pool: of unused short buffers few are kept, the most recently used ones") {
  BufferPool pool;
  std::vector<std::string> buffers;
  for (std::size_t i = 0; i < BufferPool::kBuffersMax; ++i) buffers.push_back(buffer_of(1024));
  const char* const last = buffers.back().data();
  for (std::string& buffer : buffers) pool.give(buffer);
  CHECK(pool.holds_much());
  for (int looks = 0; looks < 8; ++looks) pool.release_unused();
  CHECK_FALSE(pool.holds_much());
  std::string taken;
  pool.take(taken);
  CHECK(taken.data() == last);
}

TEST_CASE("buffer pool: long memory that was not in use between two looks is released") {
  BufferPool pool;
  static constexpr std::size_t kLong = 2 * BufferPool::kBufferBytesMax;
  std::string used = buffer_of(kLong), unused = buffer_of(kLong);
  pool.give(unused);
  pool.give(used);
  pool.release_unused();
  CHECK(pool.holds_long());
  std::string buffer;
  pool.widen(buffer, kLong);
  pool.give(buffer);
  pool.release_unused();
  CHECK(pool.holds_long());
  pool.widen(buffer, kLong);
  CHECK(buffer.capacity() >= kLong);
  CHECK_FALSE(pool.holds_long());  // the other one was released
  pool.give(buffer);
  pool.release_unused();
  pool.release_unused();
  CHECK_FALSE(pool.holds_long());
}

}  // namespace
}  // namespace sluice::core
