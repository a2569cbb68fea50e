#include "lib/rpc/held_calls.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/session_parts.hpp"

namespace sluice::core {
namespace {

HeldCall held(std::string text, std::uint64_t exchange = 0) {
  const testing::ScannedMessages::Scanned scanned(text);
  HeldCall call;
  call.text = std::move(text);
  call.envelope = scanned.message().single;
  call.exchange = exchange;
  return call;
}

const std::string kRequest = R"({"jsonrpc":"2.0","id":"a","method":"m"})";
const std::string kNotification = R"({"jsonrpc":"2.0","method":"m"})";

CancelTarget target(std::string_view id) { return {.id = id, .hash = hash_of_id(id)}; }

TEST_CASE("HeldCalls: returns calls in their order, and counts their texts") {
  HeldCalls calls;
  calls.push(held(kRequest, 1));
  calls.push(held(kNotification, 2));
  CHECK(calls.size() == 2);
  CHECK(calls.text_bytes() == kRequest.size() + kNotification.size());
  CHECK(calls.pop().exchange == 1);
  CHECK(calls.text_bytes() == kNotification.size());
  CHECK(calls.pop().is_notification());
  CHECK(calls.empty());
  CHECK(calls.text_bytes() == 0);
}

TEST_CASE("HeldCalls: takes out the call with the target's id, however that is written") {
  HeldCalls calls;
  calls.push(held(kNotification));
  calls.push(held(kRequest));
  CHECK_FALSE(calls.take(target(R"("b")")));
  const auto taken = calls.take(target(R"("\u0061")"));
  REQUIRE(taken);
  CHECK(taken->id() == R"("a")");
  CHECK(calls.size() == 1);
  CHECK_FALSE(calls.take(target(R"("a")")));
}

TEST_CASE("HeldCalls: where clients share a connection, another client's call is not a target") {
  HeldCalls calls;
  HeldCall call = held(kRequest);
  call.grant = std::make_shared<const Grant>();
  calls.push(std::move(call));
  CancelTarget own = target(R"("a")");
  own.own_only = true;
  CHECK_FALSE(calls.take(own));
}

TEST_CASE("HeldCalls: a reply is due for a request, not for a notification") {
  HeldCalls calls;
  calls.push(held(kNotification));
  CHECK_FALSE(calls.reply_due());
  calls.push(held(kRequest));
  CHECK(calls.reply_due());
}

}  // namespace
}  // namespace sluice::core
