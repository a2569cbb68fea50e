#include "lib/call/call_pool.hpp"

#include <doctest/doctest.h>

#include <string>

namespace sluice::core {
namespace {

TEST_CASE("call pool: a call that is kept holds on to little memory") {
  CallPool pool;
  ActiveCall* const large = pool.take();
  large->text = std::string(1 << 20, 'a');
  large->reply = std::string(1 << 20, 'b');
  pool.give(large);

  ActiveCall* const kept = pool.take();
  REQUIRE(kept == large);
  CHECK(kept->text.empty());
  CHECK(kept->text.capacity() <= CallPool::kSpareBytesMax);
  CHECK(kept->reply.capacity() <= CallPool::kSpareBytesMax);
  pool.give(kept);
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
