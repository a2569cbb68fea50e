#include "lib/transport/output_buffer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::core {
namespace {

using Status = ByteStream::Status;

// A kernel that has room for so many bytes.
struct Kernel {
  ByteStream::Transfer write(std::string_view bytes) {
    writes.push_back(bytes.size());
    if (failed) return {Status::failed};
    const std::size_t taken = std::min(room, bytes.size());
    if (taken == 0) return {Status::would_block};
    received += bytes.substr(0, taken);
    room -= taken;
    return {Status::ok, taken};
  }
  std::size_t room = SIZE_MAX;
  bool failed = false;
  std::string received;
  std::vector<std::size_t> writes;
};

struct Fixture {
  bool flush() {
    return flush([](std::size_t) { return false; });
  }
  template <typename Pause>
  bool flush(const Pause& pause) {
    return output.flush(
        pool, [&](std::string_view bytes) { return kernel.write(bytes); }, pause);
  }
  std::string& append(std::string_view text) { return output.append_to(pool, text.size()).append(text); }

  BufferPool pool;
  Kernel kernel;
  OutputBuffer output;
};

TEST_CASE_FIXTURE(Fixture, "OutputBuffer: appended bytes leave with one write") {
  append("first ");
  append("second");
  CHECK(output.unsent() == 12);
  CHECK(flush());
  CHECK(kernel.received == "first second");
  CHECK(kernel.writes == std::vector<std::size_t>{12});
  CHECK(output.empty());
  CHECK(output.unsent() == 0);
}

TEST_CASE_FIXTURE(Fixture, "OutputBuffer: an empty one writes nothing") {
  CHECK(flush());
  CHECK(kernel.writes.empty());
}

TEST_CASE_FIXTURE(Fixture, "OutputBuffer: memory goes back to the pool once all is sent, and is used again") {
  const char* const memory = append(std::string(200, 'x')).data();
  kernel.room = 100;
  flush();
  CHECK(output.capacity() >= 200);
  kernel.room = 100;
  flush();
  CHECK(output.capacity() == std::string().capacity());
  CHECK(append("y").data() == memory);
}

TEST_CASE_FIXTURE(Fixture, "OutputBuffer: without room it is blocked until the poller reports room") {
  append("0123456789");
  kernel.room = 4;
  CHECK(flush());
  CHECK(output.blocked());
  CHECK(output.unsent() == 6);
  output.on_writable();
  CHECK_FALSE(output.blocked());
  kernel.room = 6;
  CHECK(flush());
  CHECK_FALSE(output.blocked());
  CHECK(kernel.received == "0123456789");
}

TEST_CASE_FIXTURE(Fixture, "OutputBuffer: a long output is written in parts, and pauses between them") {
  const std::size_t size = 2 * OutputBuffer::kWriteBytes + 1;
  append(std::string(size, 'x'));
  std::vector<std::size_t> asked;
  const auto pause = [&](std::size_t bytes) {
    asked.push_back(bytes);
    return asked.size() == 2;
  };
  CHECK(flush(pause));
  CHECK(output.blocked());
  CHECK(output.unsent() == 1);
  output.on_writable();
  CHECK(flush(pause));
  CHECK(kernel.writes == std::vector<std::size_t>{OutputBuffer::kWriteBytes, OutputBuffer::kWriteBytes, 1});
  // Not after the last one.
  CHECK(asked.size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "OutputBuffer: after a failed write the rest stays, until it is dropped") {
  append("reply");
  kernel.failed = true;
  CHECK_FALSE(flush());
  CHECK_FALSE(output.blocked());
  CHECK(output.unsent() == 5);
  output.clear(pool);
  CHECK(output.empty());
  CHECK(output.unsent() == 0);
}

TEST_CASE_FIXTURE(Fixture,
                  "OutputBuffer: sent bytes are dropped at an append, once they are more than half") {
  append("0123456789");
  kernel.room = 5;
  flush();
  CHECK(append("a").size() == 11);
  kernel.room = 1;
  flush();
  CHECK(append("b").size() == 6);
  CHECK(output.unsent() == 6);
  kernel.room = SIZE_MAX;
  flush();
  CHECK(kernel.received == "0123456789ab");
}

TEST_CASE_FIXTURE(Fixture,
                  "OutputBuffer: many bytes get long memory from the pool, together with waiting ones") {
  constexpr std::size_t kLong = 2 * BufferPool::kBufferBytesMax;
  std::string spare(kLong, 'x');
  const char* const memory = spare.data();
  pool.give(spare);
  append("first ");
  std::string& out = output.append_to(pool, kLong / 2 + kLong / 4);
  CHECK(out.data() == memory);
  CHECK(out == "first ");
}

}  // namespace
}  // namespace sluice::core
