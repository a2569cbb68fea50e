#include "lib/io/buffer_pool.hpp"

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

TEST_CASE("buffer pool: where there is none, a buffer stays as it is") {
  BufferPool pool;
  std::string buffer;
  pool.take(buffer);
  CHECK(buffer.capacity() == kWithoutMemory);
  pool.give(buffer);
  pool.take(buffer);
  CHECK(buffer.capacity() == kWithoutMemory);
}

// It would be the next one's who takes, whatever its size.
TEST_CASE("buffer pool: what has memory keeps it, and gives none to the pool") {
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

TEST_CASE("buffer pool: neither small nor large memory is kept, and of the rest only so much") {
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

}  // namespace
}  // namespace sluice::core
