#include "lib/backend/wire_call.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "proto/one_line.hpp"

namespace sluice::core::testing {
namespace {

struct Call {
  explicit Call(std::string_view params = {}) {
    active.request.id = "7";
    active.request.params = params;
    active.deadline = now + milliseconds(1500);
  }
  std::string written(Dialect dialect, std::string_view method = "m") const {
    std::string out;
    append_call(out, active, method, 3, dialect, now);
    return out;
  }
  const TimePoint now{std::chrono::seconds(10)};
  ActiveCall active;
};

std::string cancelled(Dialect dialect) {
  std::string out;
  const bool has_cancel = append_cancel(out, 3, dialect);
  CHECK(has_cancel == !out.empty());
  return out;
}

TEST_CASE("Wire calls: an announcement is known by its method's value") {
  CHECK(is_hello(R"("rpc.hello")"));
  CHECK(is_hello(R"("rpc.\u0068ello")"));
  for (const std::string method :
       {R"("rpc.Hello")", R"("rpc.hello\n")", R"("rpc.hell\u004F")", "rpc.hello", "", "1"}) {
    CAPTURE(method);
    CHECK_FALSE(is_hello(method));
  }
}

TEST_CASE("a call has JSON-RPC's own members only, but in the dialect of handlers that know the server") {
  Call call("[1]");
  call.active.request.traceparent = "00-ab";
  const std::string plain = R"({"jsonrpc":"2.0","method":"m","params":[1],"id":3})";
  CHECK(call.written(Dialect::jsonrpc) == plain);
  CHECK(call.written(Dialect::lsp) == plain);
  CHECK(call.written(spoken_at_first(Dialect::automatic)) == plain);
  CHECK(call.written(Dialect::sluice) ==
        R"({"jsonrpc":"2.0","method":"m","params":[1],"timeout_ms":1500,"traceparent":"00-ab","id":3})");
}

TEST_CASE("a backend is given the time that is left, at least a millisecond") {
  Call call;
  call.active.deadline = call.now + std::chrono::microseconds(2001);
  CHECK(call.written(Dialect::sluice).find("\"timeout_ms\":3,") != std::string::npos);
  call.active.deadline = call.now - milliseconds(5);
  CHECK(call.written(Dialect::sluice).find("\"timeout_ms\":1,") != std::string::npos);
}

TEST_CASE("a notification has no id") {
  Call call;
  call.active.request.id = {};
  CHECK(call.written(Dialect::jsonrpc) == R"({"jsonrpc":"2.0","method":"m"})");
}

TEST_CASE("a cancellation is sent as the dialect has it, or not at all") {
  CHECK(cancelled(Dialect::jsonrpc).empty());
  CHECK(cancelled(Dialect::sluice) == R"({"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":3}})");
  CHECK(cancelled(Dialect::lsp) == R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":3}})");
}

TEST_CASE("nothing that a client writes makes two lines of a call") {
  for (const std::string separator : {"\n", "\r", "\r\n"}) {
    const std::string params =
        "[" + separator + R"({"jsonrpc":"2.0","method":"other","id":1})" + separator + "]";
    CHECK(proto::is_one_line(Call(params).written(Dialect::sluice)));
  }
  for (const std::string separator : {"\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"}) {
    const std::string params = "[\"" + separator + "\"]";
    Call call(params);
    call.active.request.traceparent = separator;
    CHECK(proto::is_one_line(call.written(Dialect::sluice, "m" + separator)));
  }
}

TEST_CASE("what a backend may announce is one of two dialects") {
  CHECK(announced_dialect(R"({"dialect":"sluice","methods":[]})") == Dialect::sluice);
  CHECK(announced_dialect(R"({"dialect":"jsonrpc"})") == Dialect::jsonrpc);
  for (const char* other : {"", "[]", "{}", R"({"dialect":"lsp"})", R"({"dialect":1})", R"(["sluice"])"}) {
    CHECK(announced_dialect(other) == Dialect::automatic);
  }
}

TEST_CASE("ids count from 1, stay below 2^31 and begin again behind it, past those in use") {
  const auto free = [](std::uint32_t) { return false; };
  WireIds fresh;
  CHECK(fresh.next(free) == 1);
  CHECK(fresh.next(free) == 2);
  WireIds worn(0x7FFF'FFFE);
  const std::set<std::uint32_t> used = {1, 2, 4};
  const auto in_use = [&used](std::uint32_t id) { return used.contains(id); };
  CHECK(worn.next(in_use) == 0x7FFF'FFFF);
  CHECK(worn.next(in_use) == 3);
  CHECK(worn.next(in_use) == 5);
}

TEST_CASE("an id that was never given is known for that, until ids have begun again") {
  const auto free = [](std::uint32_t) { return false; };
  WireIds ids;
  CHECK_FALSE(ids.given(1));
  ids.next(free);
  CHECK(ids.given(1));
  CHECK_FALSE(ids.given(0));
  CHECK_FALSE(ids.given(2));
  WireIds worn(0x7FFF'FFFE);
  worn.next(free);
  CHECK_FALSE(WireIds(2).given(3));
  worn.next(free);
  CHECK(worn.given(3));
}

}  // namespace
}  // namespace sluice::core::testing
