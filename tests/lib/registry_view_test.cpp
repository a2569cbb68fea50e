#include "lib/dispatch/registry_view.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "tests/support/eventually.hpp"

namespace sluice::core {
namespace {

using testing::Gate;

MethodSpec spec_of(std::string name, HandlerKind kind = HandlerKind::in_line) {
  MethodSpec spec;
  spec.name = std::move(name);
  spec.kind = kind;
  spec.handler = [](Call&, std::string_view, std::string&) -> std::optional<Error> { return std::nullopt; };
  return spec;
}

// A thread with a view, and turns of it.
struct Fixture {
  Fixture() {
    thread.on_returned([](ActiveCall&) {});
    thread.start();
  }
  ~Fixture() { thread.stop_and_join(); }

  void in_a_turn(const std::function<void()>& task) {
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
  RegistryView view{registry, thread};
};

TEST_CASE("RegistryView: finds what the registry has, as often as it is asked") {
  Fixture fixture;
  for (int i = 0; i < 20; ++i) fixture.registry.add(spec_of("m" + std::to_string(i)));
  fixture.registry.add_route(spec_of("route_*"));
  fixture.in_a_turn([&] {
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

TEST_CASE("RegistryView: a method that is added, replaced or removed is so at once, in the same turn") {
  Fixture fixture;
  fixture.registry.add(spec_of("a"));
  fixture.in_a_turn([&] {
    fixture.find("a");
    const auto lent = fixture.find("a");
    REQUIRE(lent->method != nullptr);
    CHECK(fixture.find("b")->method == nullptr);
    fixture.registry.add(spec_of("b"));
    CHECK(fixture.find("b")->method != nullptr);
    fixture.registry.add(spec_of("a"));
    CHECK(fixture.find("a")->method != lent->method);
    CHECK(fixture.registry.remove("a"));
    CHECK(fixture.find("a")->method == nullptr);
    // What is lent is still there.
    CHECK(lent->method->spec().name == "a");
  });
}

TEST_CASE("RegistryView: a removed method is destroyed no later than at the end of the turn") {
  Fixture fixture;
  fixture.registry.add(spec_of("a"));
  std::weak_ptr<Method> method = fixture.registry.find("a");
  fixture.in_a_turn([&] {
    CHECK(fixture.find("a")->method != nullptr);
    fixture.registry.remove("a");
    CHECK_FALSE(method.expired());
  });
  CHECK(method.expired());
}

TEST_CASE("RegistryView: keeps nothing of one turn in the next") {
  Fixture fixture;
  fixture.registry.add(spec_of("a"));
  fixture.in_a_turn([&] { CHECK(fixture.find("a")->method != nullptr); });
  std::weak_ptr<Method> method = fixture.registry.find("a");
  CHECK(method.use_count() == 1);
}

TEST_CASE("RegistryView: what may outlast the turn is kept by its call") {
  Fixture fixture;
  fixture.registry.add(spec_of("pooled", HandlerKind::blocking));
  std::unique_ptr<ActiveCall> held;
  fixture.in_a_turn([&] {
    fixture.find("pooled");
    held = fixture.find("pooled");
    fixture.registry.remove("pooled");
  });
  CHECK(held->method_kept.use_count() == 1);
  CHECK(held->method->spec().name == "pooled");
}

TEST_CASE("RegistryView: what ends within the turn is kept by the view alone") {
  Fixture fixture;
  fixture.registry.add(spec_of("in line"));
  fixture.in_a_turn([&] {
    fixture.find("in line");
    CHECK(fixture.find("in line")->method_kept == nullptr);
  });
}

TEST_CASE("RegistryView: a call is told where it is counted, once there is such a place") {
  Fixture fixture;
  fixture.registry.add(spec_of("a"));
  fixture.in_a_turn([&] {
    fixture.find("a");
    CHECK(fixture.find("a")->counts == nullptr);
  });
  MethodShard& counts = fixture.metrics.shard(0).method(fixture.metrics.method("a"));
  fixture.in_a_turn([&] {
    fixture.find("a");
    CHECK(fixture.find("a")->counts == &counts);
  });
}

}  // namespace
}  // namespace sluice::core
