#include "lib/server/discover_method.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lib/access/client.hpp"
#include "lib/call/active_call.hpp"
#include "lib/rpc/registry.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/failing_allocator.hpp"

namespace sluice::core {
namespace {

MethodSpec spec_of(std::string name) {
  MethodSpec spec;
  spec.name = std::move(name);
  spec.handler = [](Call&, std::string_view, std::string&) -> std::optional<Error> { return std::nullopt; };
  return spec;
}

std::shared_ptr<const Grant> grant_of(const std::vector<std::string>& methods) {
  auto client = std::make_shared<Client>();
  client->methods = MethodPatterns(methods);
  return std::make_shared<const Grant>(std::move(client), nullptr);
}

// rpc.discover of a few methods, whose document is their names, and how many were written.
struct Discovery {
  Discovery() {
    for (const char* name : {"a", "b", "c"}) registry.add(spec_of(name));
    method = discover_method(registry, [this](const OpenRpcListing& listing) {
      ++written;
      std::string names;
      for (const MethodSpec* each : listing.methods) names += each->name;
      for (const MethodSpec* each : listing.prefixes) names += each->name;
      return names;
    });
  }

  std::string ask(std::shared_ptr<const Grant> grant = nullptr) const {
    ActiveCall active;
    active.grant = std::move(grant);
    Call call(active);
    std::string result;
    CHECK_FALSE(method.handler(call, {}, result));
    std::ranges::sort(result);
    return result;
  }

  Metrics metrics{1};
  Registry registry{metrics};
  MethodSpec method;
  int written = 0;
};

TEST_CASE("rpc.discover: a document is written once, until other methods are registered") {
  Discovery discovery;
  for (int i = 0; i < 1000; ++i) CHECK(discovery.ask() == "abc");
  CHECK(discovery.written == 1);
  discovery.registry.add(spec_of("d"));
  for (int i = 0; i < 10; ++i) CHECK(discovery.ask() == "abcd");
  CHECK(discovery.written == 2);
  discovery.registry.remove("a");
  CHECK(discovery.ask() == "bcd");
  CHECK(discovery.written == 3);
}

TEST_CASE("rpc.discover: callers that may call the same methods share a document, others get their own") {
  Discovery discovery;
  for (int i = 0; i < 10; ++i) {
    CHECK(discovery.ask(grant_of({"a", "b"})) == "ab");
    CHECK(discovery.ask(grant_of({"*", "!c"})) == "ab");
    CHECK(discovery.ask(grant_of({"c"})) == "c");
    CHECK(discovery.ask(std::make_shared<const Grant>()).empty());
  }
  CHECK(discovery.written == 3);
}

TEST_CASE(
    "rpc.discover: a prefix is listed to callers of all its names but exclusions, a known name to its "
    "callers") {
  Discovery discovery;
  for (const char* name : {"a", "b", "c"}) discovery.registry.remove(name);
  discovery.registry.add_route(spec_of("x*"));
  CHECK(discovery.ask() == "*x");
  CHECK(discovery.ask(grant_of({"x*", "!xy"})) == "*x");
  for (const char* pattern : {"y*", "xy*", "x", "xy"}) CHECK(discovery.ask(grant_of({pattern})).empty());
  CHECK(discovery.ask(grant_of({"*", "!x*"})).empty());
  REQUIRE(discovery.registry.learn(*discovery.registry.find("xy"), "xy") != nullptr);
  CHECK(discovery.ask() == "*xxy");
  CHECK(discovery.ask(grant_of({"xy"})) == "xy");
  CHECK(discovery.ask(grant_of({"x*", "!xy"})) == "*x");
  CHECK(discovery.ask(grant_of({"y"})).empty());
}

TEST_CASE("rpc.discover: of more documents than are kept the least recently requested are written again") {
  Discovery discovery;
  std::vector<std::shared_ptr<const Grant>> grants;
  for (std::size_t i = 0; i <= kDocumentsMax; ++i) {
    const std::string name = "m" + std::to_string(i);
    discovery.registry.add(spec_of(name));
    grants.push_back(grant_of({name}));
  }
  for (const auto& grant : grants) discovery.ask(grant);
  const int all = discovery.written;
  discovery.ask(grants.back());
  CHECK(discovery.written == all);
  discovery.ask(grants.front());
  CHECK(discovery.written == all + 1);
}

TEST_CASE("rpc.discover: a document that there was no memory to keep is kept when the next caller asks") {
  constexpr std::size_t kAllocationsMax = 64;  // of a first call
  for (std::size_t skip = 0; skip < kAllocationsMax; ++skip) {
    Discovery discovery;
    ActiveCall active;
    Call call(active);
    std::string result;
    sluice::testing::fail_allocations(skip);
    try {
      discovery.method.handler(call, {}, result);
    } catch (const std::bad_alloc&) {
      // The caller gets an error.
    }
    sluice::testing::fail_allocations(0, 0);
    CHECK(discovery.ask() == "abc");
    const int written = discovery.written;
    CHECK(discovery.ask() == "abc");
    CHECK(discovery.written == written);
  }
}

TEST_CASE("rpc.discover: callers at the same time have one document written for all of them") {
  Discovery discovery;
  testing::Gate begun;
  testing::Gate may_end;
  std::atomic<int> written{0};
  discovery.method = discover_method(discovery.registry, [&](const OpenRpcListing&) {
    ++written;
    begun.open();
    may_end.wait();
    return std::string("document");
  });
  std::vector<std::string> answers(4);
  std::vector<std::thread> threads;
  for (std::string& answer : answers) {
    threads.emplace_back([&] {
      ActiveCall active;
      Call call(active);
      discovery.method.handler(call, {}, answer);
    });
  }
  CHECK(begun.wait());
  may_end.open();
  for (std::thread& thread : threads) thread.join();
  for (const std::string& answer : answers) CHECK(answer == "document");
  CHECK(written == 1);
}

}  // namespace
}  // namespace sluice::core
