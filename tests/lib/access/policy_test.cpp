// The parts of lib/access that decide: patterns, digests, token buckets, the table of peers.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "lib/access/method_patterns.hpp"
#include "lib/access/peer_table.hpp"
#include "lib/access/token.hpp"
#include "lib/access/token_bucket.hpp"

namespace sluice::core {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr TimePoint kStart = TimePoint(std::chrono::hours(1000));

TEST_CASE("MethodPatterns: names, prefixes and exclusions, of which an exclusion wins") {
  const MethodPatterns patterns({"calc.*", "!calc.reset", "!calc.admin.*", "clock", "calc.reset"});
  CHECK(patterns.allow("calc.add"));
  CHECK(patterns.allow("calc."));
  CHECK(patterns.allow("clock"));
  for (const char* method : {"calc", "calc.reset", "calc.admin.stop", "clock2", "cloc", "", "other"}) {
    CAPTURE(method);
    CHECK_FALSE(patterns.allow(method));
  }
}

TEST_CASE("MethodPatterns: a star alone is everything, no pattern is nothing, absent ones are everything") {
  const MethodPatterns all_but_one({"*", "!secret"});
  CHECK(all_but_one.allow("anything"));
  CHECK_FALSE(all_but_one.allow("secret"));
  CHECK_FALSE(MethodPatterns(std::vector<std::string>()).allow("anything"));
  CHECK(MethodPatterns().allow("anything"));
}

TEST_CASE("MethodPatterns: the server's own methods need no pattern and can be excluded") {
  CHECK(MethodPatterns({"calc.*"}).allow("rpc.discover"));
  CHECK_FALSE(MethodPatterns({"*", "!rpc.discover"}).allow("rpc.discover"));
}

TEST_CASE("MethodPatterns: an alias needs no pattern, and an exclusion of either name holds for both") {
  for (const char* method : {"rpc.subscribe", "rpc_subscribe", "rpc.unsubscribe", "rpc_unsubscribe"}) {
    CAPTURE(method);
    CHECK(MethodPatterns({"calc.*"}).allow(method));
    CHECK(MethodPatterns(std::vector<std::string>()).allow(method));
    for (const char* excluded : {"!*", "!rpc.*", "!rpc_*", "!rpc*"}) {
      CAPTURE(excluded);
      CHECK_FALSE(MethodPatterns({"*", excluded}).allow(method));
    }
  }
  for (const char* excluded : {"!rpc.subscribe", "!rpc_subscribe"}) {
    CAPTURE(excluded);
    const MethodPatterns patterns({"*", excluded});
    CHECK_FALSE(patterns.allow("rpc.subscribe"));
    CHECK_FALSE(patterns.allow("rpc_subscribe"));
    CHECK(patterns.allow("rpc.unsubscribe"));
    CHECK(patterns.allow("rpc_unsubscribe"));
  }
}

TEST_CASE("MethodPatterns: names that only look like the server's own need a pattern") {
  for (const char* method : {"rpc_discover", "rpc_publish", "rpc_subscribe2", "rpc", "rpcs.echo"}) {
    CAPTURE(method);
    CHECK_FALSE(MethodPatterns({"calc.*"}).allow(method));
    CHECK(MethodPatterns({method}).allow(method));
  }
  CHECK(MethodPatterns({"calc.*"}).allow("rpc.publish"));
  CHECK_FALSE(MethodPatterns({"*", "!rpc.publish"}).allow("rpc.publish"));
}

TEST_CASE("MethodPatterns: rpc.calls shows other clients' calls and needs a pattern") {
  CHECK_FALSE(MethodPatterns({"calc.*"}).allow("rpc.calls"));
  CHECK(MethodPatterns({"calc.*", "rpc.calls"}).allow("rpc.calls"));
  CHECK(MethodPatterns({"*"}).allow("rpc.calls"));
  CHECK_FALSE(MethodPatterns({"*", "!rpc.calls"}).allow("rpc.calls"));
}

TEST_CASE("MethodPatterns: a pattern is not empty and has a * only at its end") {
  for (const char* text : {"a", "a.b", "a.*", "*", "!a", "!*", "!a.*"})
    CHECK(MethodPatterns::is_pattern(text));
  for (const char* text : {"", "!", "a*b", "*a", "**", "!*a"}) CHECK_FALSE(MethodPatterns::is_pattern(text));
}

// The vector of FIPS 180-2, appendix B.1.
TEST_CASE("Token: the digest is SHA-256, read from digits in any case") {
  const auto digest = parse_digest("BA7816BF8F01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  REQUIRE(digest);
  CHECK(same_digest(*digest, token_digest("abc")));
  CHECK_FALSE(same_digest(*digest, token_digest("abd")));
  CHECK_FALSE(parse_digest(""));
  CHECK_FALSE(parse_digest(std::string(63, 'a')));
  CHECK_FALSE(parse_digest(std::string(65, 'a')));
  CHECK_FALSE(parse_digest(std::string(63, 'a') + "g"));
}

TEST_CASE("TokenBucket: a burst at once, then as many as the rate brings") {
  const Rate rate(10, 3);
  TokenBucket bucket;
  for (int i = 0; i < 3; ++i) CHECK(bucket.try_take(rate, kStart).count() == 0);
  CHECK(bucket.try_take(rate, kStart) == milliseconds(100));
  CHECK(bucket.try_take(rate, kStart + milliseconds(60)) == milliseconds(40));
  CHECK(bucket.try_take(rate, kStart + milliseconds(100)).count() == 0);
  CHECK(bucket.try_take(rate, kStart + milliseconds(100)) == milliseconds(100));
  // After a pause no more than the burst.
  const TimePoint later = kStart + seconds(60);
  for (int i = 0; i < 3; ++i) CHECK(bucket.try_take(rate, later).count() == 0);
  CHECK(bucket.try_take(rate, later).count() > 0);
}

TEST_CASE("TokenBucket: a caller that waits for the reported time is admitted") {
  for (const double per_second : {0.001, 0.3, 1.0, 7.0, 999.0, 1e6}) {
    CAPTURE(per_second);
    const Rate rate(per_second, 0);
    TokenBucket bucket;
    TimePoint now = kStart;
    while (bucket.try_take(rate, now).count() == 0) continue;
    for (int i = 0; i < 100; ++i) {
      const nanoseconds wait = bucket.try_take(rate, now);
      REQUIRE(wait.count() > 0);
      CHECK(bucket.try_take(rate, now + wait - nanoseconds(1)).count() > 0);
      now += wait;
      REQUIRE(bucket.try_take(rate, now).count() == 0);
    }
  }
}

TEST_CASE("TokenBucket: the default burst is two seconds' calls, and at least one") {
  const auto burst = [](double per_second) {
    const Rate rate(per_second, 0);
    return rate.span / rate.interval;
  };
  CHECK(burst(100) == 200);
  CHECK(burst(0.1) == 1);
  CHECK(burst(1.2) == 3);
  CHECK_FALSE(Rate().limited());
}

TEST_CASE("TokenBucket: a refunded token can be taken again") {
  const Rate rate(1, 1);
  TokenBucket bucket;
  CHECK(bucket.try_take(rate, kStart).count() == 0);
  bucket.refund(rate);
  CHECK(bucket.try_take(rate, kStart).count() == 0);
  CHECK(bucket.try_take(rate, kStart).count() > 0);
}

TEST_CASE("TokenBucket: the debt of a slower rate does not lock out callers under a quicker one") {
  TokenBucket bucket;
  const Rate slow(0.001, 10);
  while (bucket.try_take(slow, kStart).count() == 0) continue;
  const Rate quick(1000, 10);
  CHECK(bucket.try_take(quick, kStart) <= milliseconds(1));
}

TEST_CASE("TokenBucket: threads together get no more than one would") {
  const Rate rate(1, 1000);
  TokenBucket bucket;
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) taken += bucket.try_take(rate, kStart).count() == 0 ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(taken == 1000);
}

TEST_CASE("PeerTable: a peer keeps its entry while it is used or its bucket is not full") {
  PeerTable table(2);
  const Rate rate(1, 2);
  const auto first = table.usage_of("a", kStart);
  CHECK(table.usage_of("a", kStart) == first);
  CHECK(table.usage_of("b", kStart) != first);
  // b is not used, but its bucket is not full.
  table.usage_of("b", kStart)->bucket.try_take(rate, kStart);
  CHECK_FALSE(table.usage_of("b", kStart)->bucket.full(kStart));
  const auto shared = table.usage_of("c", kStart);
  CHECK(table.usage_of("d", kStart) == shared);
  CHECK(table.usage_of("a", kStart) == first);
  // By now the bucket of b is full again.
  const TimePoint later = kStart + seconds(1);
  const auto third = table.usage_of("c", later);
  CHECK(third != shared);
  CHECK(table.usage_of("c", later) == third);
  CHECK(table.usage_of("a", later) == first);
}

TEST_CASE("PeerTable: newcomers to a full table share one entry") {
  PeerTable table(100);
  std::vector<std::shared_ptr<Usage>> held;
  for (int i = 0; i < 100; ++i) held.push_back(table.usage_of(std::to_string(i), kStart));
  const auto shared = table.usage_of("x", kStart);
  for (int i = 0; i < 300; ++i) CHECK(table.usage_of("new " + std::to_string(i), kStart) == shared);
  for (int i = 0; i < 100; ++i) CHECK(table.usage_of(std::to_string(i), kStart) == held[i]);
}

}  // namespace
}  // namespace sluice::core
