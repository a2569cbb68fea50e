#include "lib/rpc/method_cache.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/call/async_handler.hpp"
#include "tests/support/eventually.hpp"

namespace sluice::core {
namespace {

using testing::Gate;

struct NeverStarted final : AsyncHandler {
  void start(ActiveCall&, boost::asio::io_context&) override { FAIL("started"); }
};

MethodSpec spec_of(std::string name, HandlerKind kind = HandlerKind::inline_io) {
  MethodSpec spec;
  spec.name = std::move(name);
  spec.kind = kind;
  spec.handler = [](Call&, std::string_view, std::string&) -> std::optional<Error> { return std::nullopt; };
  if (kind == HandlerKind::async) spec.async = std::make_shared<NeverStarted>();
  return spec;
}

// An I/O thread with a MethodCache, and iterations of its event loop.
struct Fixture {
  Fixture() {
    thread.workers().on_completed([](ActiveCall&) {});
    thread.start();
  }
  ~Fixture() { thread.stop_and_join(); }

  void in_iteration(const std::function<void()>& task) {
    Gate done;
    thread.post([&] { task(); });
    thread.post([&] { done.open(); });
    REQUIRE(done.wait());
  }

  std::unique_ptr<ActiveCall> find(std::string_view name) {
    auto call = std::make_unique<ActiveCall>();
    call->request.method = name;
    view.resolve(*call);
    return call;
  }

  Metrics metrics{2};
  Registry registry{metrics};
  WorkerPool pool{1, 1};
  IoThread thread{0, "io-0", Limits{}, pool, metrics.shard(0)};
  MethodCache view{registry, thread};
};

TEST_CASE("MethodCache: finds what the registry has, as often as it is asked") {
  Fixture fixture;
  for (int i = 0; i < 20; ++i) fixture.registry.add(spec_of("m" + std::to_string(i)));
  fixture.registry.add_route(spec_of("route_*"));
  fixture.in_iteration([&] {
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 20; ++i) {
        const std::string name = "m" + std::to_string(i);
        const auto found = fixture.find(name);
        REQUIRE(found->method != nullptr);
        CHECK(found->method->spec().name == name);
      }
      CHECK(fixture.find("route_1")->method->spec().name == "route_*");
      CHECK(fixture.find("route_2")->method->spec().name == "route_*");
      CHECK(fixture.find("m20")->method == nullptr);
    }
  });
}

TEST_CASE("MethodCache: a method that is added, replaced or removed is so at once, in the same iteration") {
  Fixture fixture;
  fixture.registry.add(spec_of("a"));
  fixture.in_iteration([&] {
    fixture.find("a");
    const auto pinned = fixture.find("a");
    REQUIRE(pinned->method != nullptr);
    CHECK(fixture.find("b")->method == nullptr);
    fixture.registry.add(spec_of("b"));
    CHECK(fixture.find("b")->method != nullptr);
    fixture.registry.add(spec_of("a"));
    CHECK(fixture.find("a")->method != pinned->method);
    CHECK(fixture.registry.remove("a"));
    CHECK(fixture.find("a")->method == nullptr);
    // A pinned method is still there.
    CHECK(pinned->method->spec().name == "a");
  });
}

TEST_CASE("MethodCache: a removed method is destroyed no later than at the end of the iteration") {
  Fixture fixture;
  fixture.registry.add(spec_of("a"));
  std::weak_ptr<Method> method = fixture.registry.find("a");
  fixture.in_iteration([&] {
    CHECK(fixture.find("a")->method != nullptr);
    fixture.registry.remove("a");
    CHECK_FALSE(method.expired());
  });
  CHECK(method.expired());
}

TEST_CASE("MethodCache: keeps nothing of one iteration in the next") {
  Fixture fixture;
  fixture.registry.add(spec_of("a"));
  fixture.in_iteration([&] { CHECK(fixture.find("a")->method != nullptr); });
  std::weak_ptr<Method> method = fixture.registry.find("a");
  CHECK(method.use_count() == 1);
}

TEST_CASE("MethodCache: what workers run is kept until the last of its calls unpins it, and no longer") {
  Fixture fixture;
  fixture.registry.add(spec_of("pooled", HandlerKind::blocking));
  const std::weak_ptr<Method> method = fixture.registry.find("pooled");
  std::vector<std::unique_ptr<ActiveCall>> calls;
  fixture.in_iteration([&] {
    for (int i = 0; i < 3; ++i) calls.push_back(fixture.find("pooled"));
    fixture.registry.remove("pooled");
  });
  for (auto& call : calls) {
    CHECK(call->method_kept == nullptr);
    REQUIRE_FALSE(method.expired());
    CHECK(call->method == method.lock().get());
    fixture.in_iteration([&] {
      CHECK(fixture.find("pooled")->method == nullptr);
      fixture.view.unpin(*call);
      CHECK_FALSE(method.expired());
    });
  }
  CHECK(method.expired());
}

TEST_CASE("MethodCache: a method that is replaced while workers run the old one's calls is another's") {
  Fixture fixture;
  fixture.registry.add(spec_of("pooled", HandlerKind::blocking));
  std::unique_ptr<ActiveCall> old;
  std::unique_ptr<ActiveCall> next;
  const std::weak_ptr<Method> first = fixture.registry.find("pooled");
  fixture.in_iteration([&] { old = fixture.find("pooled"); });
  fixture.registry.add(spec_of("pooled", HandlerKind::blocking));
  fixture.in_iteration([&] {
    next = fixture.find("pooled");
    CHECK(next->method != old->method);
    fixture.view.unpin(*old);
  });
  CHECK(first.expired());
  fixture.in_iteration([&] { fixture.view.unpin(*next); });
}

TEST_CASE("MethodCache: where workers have calls of many methods, a call of another keeps it itself") {
  Fixture fixture;
  std::vector<std::unique_ptr<ActiveCall>> calls;
  fixture.in_iteration([&] {
    for (std::size_t i = 0; i <= MethodCache::kHeldMax; ++i) {
      const std::string name = "m" + std::to_string(i);
      fixture.registry.add(spec_of(name, HandlerKind::blocking));
      calls.push_back(fixture.find(name));
      CHECK((calls.back()->method_kept == nullptr) == (i < MethodCache::kHeldMax));
    }
  });
  // However often it is called.
  fixture.in_iteration([&] {
    const std::string name = "m" + std::to_string(MethodCache::kHeldMax);
    fixture.find(name);
    CHECK(fixture.find(name)->method_kept != nullptr);
  });
  // There is room for those that end within the iteration.
  fixture.registry.add(spec_of("inline"));
  fixture.in_iteration([&] { CHECK(fixture.find("inline")->method_kept == nullptr); });
  fixture.in_iteration([&] {
    for (auto& call : calls) fixture.view.unpin(*call);
  });
  // And again for the one that found no room.
  fixture.in_iteration([&] {
    const auto last = fixture.find("m" + std::to_string(MethodCache::kHeldMax));
    CHECK(last->method_kept == nullptr);
    fixture.view.unpin(*last);
  });
}

TEST_CASE("MethodCache: what outlasts the iteration in other hands is kept by its call") {
  Fixture fixture;
  fixture.registry.add(spec_of("async", HandlerKind::async));
  std::unique_ptr<ActiveCall> held;
  fixture.in_iteration([&] {
    fixture.find("async");
    held = fixture.find("async");
    fixture.registry.remove("async");
  });
  CHECK(held->method_kept.use_count() == 1);
  CHECK(held->method->spec().name == "async");
}

TEST_CASE("MethodCache: what ends within the iteration is kept by the view alone") {
  Fixture fixture;
  fixture.registry.add(spec_of("inline"));
  fixture.in_iteration([&] {
    fixture.find("inline");
    CHECK(fixture.find("inline")->method_kept == nullptr);
  });
}

TEST_CASE("MethodCache: a call gets its method's counters, once they exist") {
  Fixture fixture;
  fixture.registry.add(spec_of("a"));
  fixture.in_iteration([&] {
    fixture.find("a");
    CHECK(fixture.find("a")->counts == nullptr);
  });
  MethodShard& counts = fixture.metrics.shard(0).method(fixture.metrics.method("a"));
  fixture.in_iteration([&] {
    fixture.find("a");
    CHECK(fixture.find("a")->counts == &counts);
  });
}

}  // namespace
}  // namespace sluice::core
