#include "lib/dispatch/registry_view.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>

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
        const auto found = fixture.view.find(name);
        REQUIRE(found != nullptr);
        CHECK(found->spec().name == name);
      }
      CHECK(fixture.view.find("route_1")->spec().name == "route_*");
      CHECK(fixture.view.find("route_2")->spec().name == "route_*");
      CHECK(fixture.view.find("m20") == nullptr);
    }
  });
}

TEST_CASE("RegistryView: a method that is added, replaced or removed is so at once, in the same turn") {
  Fixture fixture;
  fixture.registry.add(spec_of("a"));
  fixture.in_a_turn([&] {
    const auto first = fixture.view.find("a");
    REQUIRE(first != nullptr);
    CHECK(fixture.view.find("b") == nullptr);
    fixture.registry.add(spec_of("b"));
    CHECK(fixture.view.find("b") != nullptr);
    fixture.registry.add(spec_of("a"));
    CHECK(fixture.view.find("a") != first);
    CHECK(fixture.registry.remove("a"));
    CHECK(fixture.view.find("a") == nullptr);
    // What is lent is still there.
    CHECK(first->spec().name == "a");
  });
}

TEST_CASE("RegistryView: a removed method is destroyed no later than at the end of the turn") {
  Fixture fixture;
  fixture.registry.add(spec_of("a"));
  std::weak_ptr<Method> method = fixture.registry.find("a");
  fixture.in_a_turn([&] {
    CHECK(fixture.view.find("a") != nullptr);
    fixture.registry.remove("a");
    CHECK_FALSE(method.expired());
  });
  CHECK(method.expired());
}

TEST_CASE("RegistryView: keeps nothing of one turn in the next") {
  Fixture fixture;
  fixture.registry.add(spec_of("a"));
  fixture.in_a_turn([&] { CHECK(fixture.view.find("a") != nullptr); });
  std::weak_ptr<Method> method = fixture.registry.find("a");
  CHECK(method.use_count() == 1);
}

TEST_CASE("RegistryView: what may outlast the turn is owned by who asked for it") {
  Fixture fixture;
  fixture.registry.add(spec_of("pooled", HandlerKind::blocking));
  std::shared_ptr<Method> held;
  fixture.in_a_turn([&] {
    held = fixture.view.find("pooled");
    held = fixture.view.find("pooled");
    fixture.registry.remove("pooled");
  });
  CHECK(held.use_count() == 1);
  CHECK(held->spec().name == "pooled");
}

}  // namespace
}  // namespace sluice::core
