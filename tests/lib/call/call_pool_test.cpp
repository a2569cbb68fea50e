#include "lib/call/call_pool.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace sluice::core {
namespace {

TEST_CASE("call pool: large calls' memory is kept up to a sum, and released beyond") {
  static constexpr std::size_t kEach = 1 << 18;
  static constexpr std::size_t kCalls = 2 * CallPool::kLargeBytesMax / kEach;
  BufferPool buffers;
  CallPool pool(buffers);
  for (int round = 0; round < 3; ++round) {  // calls taken again do not count as kept
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

TEST_CASE("call pool: the memory of an ordinary call is reused") {
  BufferPool buffers;
  CallPool pool(buffers);
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

TEST_CASE("call pool: the memory of long texts is not kept with the call but recycled for others") {
  BufferPool buffers;
  CallPool pool(buffers);
  static constexpr std::size_t kLong = 2 * BufferPool::kBufferBytesMax;
  ActiveCall* const call = pool.take();
  call->text = std::string(kLong, 'a');
  call->reply = std::string(2 * kLong, 'b');
  pool.give(call);
  CHECK(call->text.capacity() + call->reply.capacity() < 100);
  for (const std::size_t bytes : {2 * kLong, kLong}) {
    std::string buffer;
    buffers.widen(buffer, bytes);
    CHECK(buffer.capacity() >= bytes);
  }
}

TEST_CASE("ActiveCall: takes the buffer that all of its request lies in, and no other") {
  BufferPool buffers;
  CallPool pool(buffers);
  ActiveCall* const call = pool.take();
  const std::string text(1000, 'a');
  std::string wide = text;
  wide.reserve(3000);
  CHECK_FALSE(call->take_text(wide));  // would hold more than it is counted for
  std::string buffer = text;
  std::string elsewhere = "method";
  const auto point_into = [&](std::string_view method) {
    call->request.id = std::string_view(buffer).substr(10, 1);
    call->request.method = method;
    call->request.params = std::string_view(buffer).substr(900, 100);
    call->request.traceparent = {};
  };
  point_into(elsewhere);
  CHECK_FALSE(call->take_text(buffer));
  CHECK(buffer == text);

  point_into(std::string_view(buffer).substr(20, 5));
  const char* const memory = buffer.data();
  CHECK(call->take_text(buffer));
  CHECK(call->text == text);
  CHECK(call->request.id.data() == memory + 10);
  CHECK(call->text.data() == memory);
  CHECK(buffer.empty());
  pool.give(call);
}

TEST_CASE("ActiveCall: keeps its request's text, and parts that lie elsewhere") {
  BufferPool buffers;
  CallPool pool(buffers);
  ActiveCall* const call = pool.take();
  std::string message = R"({"id": 7, "method": "m\u0065thod", "params": [1, 2]})";
  std::string unescaped = "method";
  std::string header = "trace";
  const std::string_view text = message;
  call->request.text = text;
  call->request.id = text.substr(text.find('7'), 1);
  call->request.params = text.substr(text.find('['), 6);
  call->request.method = unescaped;
  call->request.traceparent = header;
  const std::string before = message;
  call->keep_text();
  for (std::string* const gone : {&message, &unescaped, &header}) gone->assign(gone->size(), 'x');
  CHECK(call->request.text == before);
  CHECK(call->request.id == "7");
  CHECK(call->request.method == "method");
  CHECK(call->request.params == "[1, 2]");
  CHECK(call->request.traceparent == "trace");
  pool.give(call);

  ActiveCall* const notification = pool.take();
  std::string whole = R"({"method":"m"})";
  notification->request = {};
  notification->request.text = whole;
  notification->request.method = std::string_view(whole).substr(11, 1);
  notification->keep_text();
  whole.assign(whole.size(), 'x');
  CHECK(notification->request.method == "m");
  CHECK(notification->request.is_notification());
  CHECK(notification->request.params.empty());
  pool.give(notification);
}

TEST_CASE("call pool: visits each call that was taken since the last visit once, and no recycled one") {
  BufferPool buffers;
  CallPool pool(buffers);
  ActiveCall* const first = pool.take();
  ActiveCall* const second = pool.take();
  std::vector<ActiveCall*> seen;
  const auto see = [&](ActiveCall& call) { seen.push_back(&call); };
  pool.give(first);
  pool.age(see);
  CHECK(seen == std::vector{second});
  pool.age(see);
  CHECK(seen.size() == 1);
  ActiveCall* const third = pool.take();
  seen.clear();
  pool.for_each(see);
  CHECK(seen == std::vector{second, third});
  pool.give(second);
  pool.give(third);
}

TEST_CASE("call pool: an internal error replaces the unfinished reply") {
  BufferPool buffers;
  CallPool pool(buffers);
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
