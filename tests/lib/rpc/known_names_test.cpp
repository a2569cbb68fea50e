#include "lib/rpc/known_names.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "lib/rpc/registry.hpp"

namespace sluice::core {
namespace {

using std::chrono::seconds;

MethodSpec spec_of(std::string name) {
  MethodSpec spec;
  spec.name = std::move(name);
  spec.handler = [](Call&, std::string_view, std::string&) -> std::optional<Error> { return std::nullopt; };
  return spec;
}

// A registry with routes of two owners.
struct Routes {
  Routes() {
    registry.add_route(spec_of("calc.*"), &calc);
    registry.add_route(spec_of("node_*"), &node);
  }
  MethodMetrics* learn(std::string_view name) {
    const auto route = registry.find(name);
    return registry.learn(*route, name);
  }
  std::set<std::string> listed() const {
    std::set<std::string> names;
    for (const auto& method : registry.all()) names.insert(method->spec().name);
    return names;
  }

  Metrics metrics{1};
  Registry registry{metrics};
  const int calc = 0;
  const int node = 0;
};

using Names = std::set<std::string>;

TEST_CASE("KnownNames: a name is known once, and again after it was forgotten") {
  KnownNames names;
  CHECK(names.add("a"));
  CHECK(names.add("a"));
  CHECK(names.listed().size() == 1);
  names.forget("a");
  names.forget("b");
  CHECK(names.listed().empty());
  CHECK(names.add("a"));
  CHECK(names.listed().size() == 1);
}

TEST_CASE("KnownNames: there are 200 at most, and forgetting one makes no room for another") {
  KnownNames names;
  for (std::size_t i = 0; i < kKnownNamesMax; ++i) CHECK(names.add("n" + std::to_string(i)));
  CHECK_FALSE(names.add("more"));
  names.forget("n0");
  CHECK_FALSE(names.add("more"));
  CHECK(names.add("n0"));
  CHECK(names.listed().size() == 200);
}

TEST_CASE("KnownNames: names that are too long, or no words, are not known") {
  KnownNames names;
  CHECK(names.add(std::string(kKnownNameBytesMax, 'a')));
  CHECK_FALSE(names.add(std::string(kKnownNameBytesMax + 1, 'a')));
  for (const char* name : {"", "a b", "a\n", "a*", "\x7f"}) CHECK_FALSE(names.add(name));
}

TEST_CASE("Registry: a known name is a method with counts of its own and the route's calls in flight") {
  Routes routes;
  const auto route = routes.registry.find("calc.add");
  const std::uint64_t before = routes.registry.version();
  MethodMetrics* const counts = routes.learn("calc.add");
  REQUIRE(counts != nullptr);
  CHECK(counts->name == "calc.add");
  CHECK(routes.registry.version() != before);
  const auto known = routes.registry.find("calc.add");
  CHECK(known->spec().name == "calc.add");
  CHECK(&known->metrics() == counts);
  CHECK(&known->permits() == &route->metrics());
  CHECK(known->owner() == &routes.calc);
  CHECK(routes.listed() == Names{"calc.add"});
  CHECK(routes.registry.find("calc.sub") == route);
}

TEST_CASE("Registry: a name that another thread has made known meanwhile is the same, and no change") {
  Routes routes;
  const auto route = routes.registry.find("calc.add");
  MethodMetrics* const counts = routes.registry.learn(*route, "calc.add");
  const std::uint64_t before = routes.registry.version();
  CHECK(routes.registry.learn(*route, "calc.add") == counts);
  CHECK(routes.registry.version() == before);
}

TEST_CASE("Registry: an owner's names are bounded over all its routes, and others have their own") {
  Routes routes;
  routes.registry.add_route(spec_of("math.*"), &routes.calc);
  for (std::size_t i = 0; i < kKnownNamesMax; ++i)
    CHECK(routes.learn((i % 2 == 0 ? "calc." : "math.") + std::to_string(i)) != nullptr);
  CHECK(routes.learn("calc.more") == nullptr);
  CHECK(routes.learn("math.more") == nullptr);
  CHECK(routes.registry.find("calc.more")->spec().name == "calc.*");
  CHECK(routes.learn("node_more") != nullptr);
}

TEST_CASE("Registry: a call that a replaced route served makes no name known") {
  Routes routes;
  const auto old = routes.registry.find("calc.add");
  const int other = 0;
  routes.registry.add_route(spec_of("calc.*"), &other);
  CHECK(routes.registry.learn(*old, "calc.add") == nullptr);
  routes.registry.remove_all_of(&other);
  CHECK(routes.registry.learn(*old, "calc.add") == nullptr);
  CHECK(routes.listed().empty());
}

TEST_CASE("Registry: the server's own names never become known") {
  Routes routes;
  routes.registry.add_route(spec_of("*"), &routes.node);
  CHECK(routes.learn("rpc.mine") == nullptr);
  CHECK(routes.learn("$/mine") == nullptr);
  CHECK(routes.learn("mine") != nullptr);
}

TEST_CASE("Registry: a known name has the settings of its route, also after a reload") {
  Routes routes;
  routes.registry.configure({{"calc.*", {seconds(3), 7}}});
  routes.learn("calc.add");
  CHECK(routes.registry.find("calc.add")->timeout() == seconds(3));
  CHECK(routes.registry.find("calc.add")->max_concurrent() == 7);
  routes.registry.configure({{"calc.*", {seconds(4), {}}}});
  CHECK(routes.registry.find("calc.add")->timeout() == seconds(4));
  CHECK(routes.registry.find("calc.add")->max_concurrent() == 0);
}

TEST_CASE("Registry: a method of that name replaces a known name, and a known name can't be removed") {
  Routes routes;
  const auto route = routes.registry.find("calc.add");
  routes.learn("calc.add");
  CHECK_FALSE(routes.registry.remove("calc.add"));
  routes.registry.add(spec_of("calc.add"), &routes.calc);
  CHECK_FALSE(routes.registry.find("calc.add")->is_known_name());
  CHECK(routes.registry.learn(*route, "calc.add") == nullptr);
  CHECK(routes.listed() == Names{"calc.add"});
}

TEST_CASE("Registry: a forgotten name is its route's again, and may become known again") {
  Routes routes;
  routes.learn("calc.add");
  const auto known = routes.registry.find("calc.add");
  routes.registry.forget(*known);
  CHECK(routes.listed().empty());
  CHECK(routes.registry.find("calc.add")->spec().name == "calc.*");
  routes.registry.forget(*known);
  routes.registry.forget(*routes.registry.find("calc.add"));
  CHECK(routes.registry.find("calc.add") != nullptr);
  CHECK(routes.learn("calc.add") == &known->metrics());
}

TEST_CASE("Registry: known names go with their owner") {
  Routes routes;
  routes.learn("calc.add");
  routes.learn("node_call");
  routes.registry.remove_all_of(&routes.calc);
  CHECK(routes.listed() == Names{"node_call"});
  CHECK(routes.registry.find("calc.add") == nullptr);
}

TEST_CASE("Registry: a backend's replacement keeps the names that it still serves") {
  Routes routes;
  routes.registry.add_route(spec_of("math.*"), &routes.calc);
  for (const char* name : {"calc.add", "calc.gone", "math.sin"}) routes.learn(name);
  routes.registry.forget(*routes.registry.find("calc.gone"));
  const int successor = 0;
  routes.registry.add_route(spec_of("calc.*"), &successor);
  routes.registry.keep_known_names(&routes.calc, &successor);
  CHECK(routes.registry.find("calc.add")->owner() == &successor);
  CHECK(routes.registry.find("calc.add")->is_known_name());
  routes.registry.remove_all_of(&routes.calc);
  CHECK(routes.listed() == Names{"calc.add"});
}

TEST_CASE("Registry: a route that is registered again keeps its names") {
  Routes routes;
  routes.learn("calc.add");
  routes.registry.add_route(spec_of("calc.*"), &routes.calc);
  CHECK(routes.listed() == Names{"calc.add"});
}

TEST_CASE("Registry: a longer route takes the names under it, from all owners") {
  Routes routes;
  routes.learn("calc.add");
  routes.learn("calc.sub");
  routes.registry.add_route(spec_of("calc.a*"), &routes.calc);
  CHECK(routes.listed() == Names{"calc.sub"});
  routes.registry.keep_known_names(&routes.calc, &routes.calc);
  CHECK(routes.listed() == Names{"calc.add", "calc.sub"});
  CHECK(routes.registry.find("calc.add")->permits().name == "calc.a*");
  routes.registry.add_route(spec_of("calc.*"), &routes.calc);
  CHECK(routes.registry.find("calc.add")->permits().name == "calc.a*");
  routes.registry.add_route(spec_of("calc.su*"), &routes.node);
  CHECK(routes.listed() == Names{"calc.add"});
  routes.registry.keep_known_names(&routes.calc, &routes.calc);
  CHECK(routes.listed() == Names{"calc.add"});
}

TEST_CASE("Registry: routes are listed without those inside another one of their owner") {
  Routes routes;
  routes.registry.add_route(spec_of("calc.a*"), &routes.calc);
  routes.registry.add_route(spec_of("calc.b*"), &routes.node);
  Names names;
  for (const auto& route : routes.registry.routes()) names.insert(route->spec().name);
  CHECK(names == Names{"calc.*", "calc.b*", "node_*"});
}

}  // namespace
}  // namespace sluice::core
