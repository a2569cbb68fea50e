#include "lib/call/call_pool.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace sluice::core {
namespace {

TEST_CASE("call pool: large calls' memory is kept up to a sum, and given back beyond") {
  static constexpr std::size_t kEach = 1 << 20;
  static constexpr std::size_t kCalls = 2 * CallPool::kLargeBytesMax / kEach;
  CallPool pool;
  for (int round = 0; round < 3; ++round) {  // what was taken again does not count as kept
    CAPTURE(round);
    std::vector<ActiveCall*> calls;
    for (std::size_t i = 0; i < kCalls; ++i) calls.push_back(pool.take());
    for (ActiveCall* const call : calls) {
      call->text = std::string(kEach / 2, 'a');
      call->reply = std::string(kEach / 2, 'b');
    }
    for (ActiveCall* const call : calls) pool.give(call);
    std::size_t kept = 0;
    for (const ActiveCall* const call : calls) {
      CHECK(call->text.empty());
      const std::size_t bytes = call->text.capacity() + call->reply.capacity();
      if (bytes > CallPool::kSpareBytesMax) kept += bytes;
    }
    CHECK(kept <= CallPool::kLargeBytesMax);
    CHECK(kept > CallPool::kLargeBytesMax - 2 * kEach);
  }
}

TEST_CASE("call pool: a usual call's memory is used again") {
  CallPool pool;
  ActiveCall* const first = pool.take();
  first->text = std::string(1000, 'a');
  const char* const memory = first->text.data();
  pool.give(first);

  ActiveCall* const second = pool.take();
  REQUIRE(second == first);
  CHECK(second->text.empty());
  CHECK(second->text.data() == memory);
  pool.give(second);
}

TEST_CASE("call pool: an internal error takes the place of what the reply had become") {
  CallPool pool;
  ActiveCall* const call = pool.take();
  call->request.id = "1";
  call->response_bytes_max = 1000;
  call->reply = std::string(1 << 20, 'b');
  compose_internal_error(*call);
  CHECK(call->reply.find("Internal error") != std::string::npos);
  CHECK(call->reply.capacity() < 1 << 20);
  pool.give(call);
}

}  // namespace
}  // namespace sluice::core
