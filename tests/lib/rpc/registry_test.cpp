#include "lib/rpc/registry.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::core {
namespace {

using std::chrono::seconds;

MethodSpec spec_of(std::string name, MethodOptions options = {}) {
  MethodSpec spec;
  spec.name = std::move(name);
  spec.handler = [](Call&, std::string_view, std::string&) -> std::optional<Error> { return std::nullopt; };
  spec.options = std::move(options);
  return spec;
}

TEST_CASE("Registry: finds what was added, until it is removed") {
  Metrics metrics(1);
  Registry registry(metrics);
  CHECK(registry.find("a") == nullptr);
  registry.add(spec_of("a"));
  registry.add(spec_of("b"));
  REQUIRE(registry.find("a") != nullptr);
  CHECK(registry.find("a")->spec().name == "a");
  CHECK(registry.all().size() == 2);
  CHECK(registry.remove("a"));
  CHECK_FALSE(registry.remove("a"));
  CHECK(registry.find("a") == nullptr);
  CHECK(registry.find("b") != nullptr);
}

TEST_CASE("Registry: a name goes to itself, else to its longest route, in whatever order they were added") {
  for (const bool longer_first : {true, false}) {
    CAPTURE(longer_first);
    Metrics metrics(1);
    Registry registry(metrics);
    for (const char* const route :
         {longer_first ? "eth_get*" : "eth_*", longer_first ? "eth_*" : "eth_get*"}) {
      registry.add_route(spec_of(route));
    }
    registry.add(spec_of("eth_getBlock"));
    const auto found = [&](std::string_view name) { return registry.find(name)->spec().name; };
    CHECK(found("eth_getBlock") == "eth_getBlock");
    CHECK(found("eth_getLogs") == "eth_get*");
    CHECK(found("eth_call") == "eth_*");
    CHECK(registry.find("net_version") == nullptr);
  }
}

TEST_CASE("Registry: whatever may change what is found gives it another version, and a lookup does not") {
  Metrics metrics(1);
  Registry registry(metrics);
  const int owner = 0;
  std::uint64_t before = registry.version();
  const auto changed = [&] { return std::exchange(before, registry.version()) != registry.version(); };
  registry.add(spec_of("a"));
  CHECK(changed());
  registry.add(spec_of("a"), &owner);
  CHECK(changed());
  registry.add_route(spec_of("b_*"), &owner);
  CHECK(changed());
  registry.find("a");
  registry.find("none");
  CHECK_FALSE(changed());
  registry.remove_all_of(&owner);
  CHECK(changed());
  registry.add_builtin(spec_of("rpc.c"));
  CHECK(changed());
  CHECK_FALSE(registry.remove("a"));
  CHECK_FALSE(changed());
  CHECK_FALSE(registry.remove("rpc.c"));
  CHECK_FALSE(changed());
  registry.add(spec_of("d"));
  CHECK(changed());
  CHECK(registry.remove("d"));
  CHECK(changed());
}

TEST_CASE("Registry: a removed or replaced method lives as long as a caller uses it") {
  Metrics metrics(1);
  Registry registry(metrics);
  registry.add(spec_of("a", {.summary = "old"}));
  const auto used = registry.find("a");
  registry.add(spec_of("a", {.summary = "new"}));
  CHECK(used->spec().options.summary == "old");
  CHECK(registry.find("a")->spec().options.summary == "new");
  CHECK(&used->metrics() == &registry.find("a")->metrics());
  registry.remove("a");
  CHECK(used->spec().options.summary == "old");
}

TEST_CASE("Registry: refuses methods without a name or a handler, and the server's own names") {
  Metrics metrics(1);
  Registry registry(metrics);
  CHECK_THROWS_AS(registry.add(spec_of("")), std::invalid_argument);
  CHECK_THROWS_AS(registry.add(spec_of("rpc.mine")), std::invalid_argument);
  CHECK_THROWS_AS(registry.add(spec_of("$/mine")), std::invalid_argument);
  MethodSpec nothing;
  nothing.name = "a";
  CHECK_THROWS_AS(registry.add(nothing), std::invalid_argument);
  nothing.kind = HandlerKind::inline_io;
  CHECK_THROWS_AS(registry.add(nothing), std::invalid_argument);
  MethodSpec no_coroutine = spec_of("a");
  no_coroutine.kind = HandlerKind::async;
  CHECK_THROWS_AS(registry.add(no_coroutine), std::invalid_argument);
  CHECK(registry.all().empty());
  registry.add(spec_of("rpcx"));
  registry.add_builtin(spec_of("rpc.mine"));
  CHECK(registry.all().size() == 2);
}

TEST_CASE("Registry: an exact name's settings win over a prefix, a longer prefix over a shorter one") {
  Metrics metrics(1);
  Registry registry(metrics);
  for (const char* name : {"a.b.c", "a.b.d", "a.x", "ab", "other"}) registry.add(spec_of(name));
  registry.configure({{"*", {seconds(1), {}}},
                      {"a*", {seconds(2), {}}},
                      {"a.*", {seconds(3), {}}},
                      {"a.b.*", {seconds(4), {}}},
                      {"a.b.c", {seconds(5), {}}}});
  CHECK(registry.find("a.b.c")->timeout() == seconds(5));
  CHECK(registry.find("a.b.d")->timeout() == seconds(4));
  CHECK(registry.find("a.x")->timeout() == seconds(3));
  CHECK(registry.find("ab")->timeout() == seconds(2));
  CHECK(registry.find("other")->timeout() == seconds(1));
}

TEST_CASE("Registry: a pattern without a star is a name, and a star elsewhere matches nothing") {
  Metrics metrics(1);
  Registry registry(metrics);
  registry.add(spec_of("demo.echo"));
  registry.configure(
      {{"demo", {seconds(1), {}}}, {"demo.*.x", {seconds(2), {}}}, {"*.echo", {seconds(3), {}}}});
  CHECK(registry.find("demo.echo")->timeout() == seconds(0));
}

TEST_CASE("Registry: what is configured wins over what the program asked for, and goes when it is gone") {
  Metrics metrics(1);
  Registry registry(metrics);
  registry.add(spec_of("a", {.timeout = seconds(9), .max_concurrent = 9}));
  CHECK(registry.find("a")->timeout() == seconds(9));
  CHECK(registry.find("a")->max_concurrent() == 9);
  const auto running = registry.find("a");
  registry.configure({{"a", {seconds(1), 2}}});
  CHECK(registry.find("a")->timeout() == seconds(1));
  CHECK(running->max_concurrent() == 2);
  registry.configure({{"a", {{}, 3}}});
  CHECK(registry.find("a")->timeout() == seconds(9));
  CHECK(registry.find("a")->max_concurrent() == 3);
  registry.configure({});
  CHECK(registry.find("a")->timeout() == seconds(9));
  CHECK(registry.find("a")->max_concurrent() == 9);
}

TEST_CASE("Registry: settings hold for methods that are added later") {
  Metrics metrics(1);
  Registry registry(metrics);
  registry.configure({{"late.*", {seconds(1), 5}}});
  registry.add(spec_of("late.one"));
  CHECK(registry.find("late.one")->timeout() == seconds(1));
  CHECK(registry.find("late.one")->max_concurrent() == 5);
}

TEST_CASE("Registry: a method's handler may use the registry while it is destroyed") {
  Metrics metrics(1);
  Registry registry(metrics);
  struct Asks {
    explicit Asks(Registry& of) : registry(of) {}
    ~Asks() { registry.find("a"); }
    Registry& registry;
  };
  for (int i = 0; i < 2; ++i) {
    MethodSpec spec = spec_of("a");
    spec.handler = [asks = std::make_shared<Asks>(registry)](Call&, std::string_view, std::string&) {
      return std::optional<Error>();
    };
    registry.add(std::move(spec));
  }
  CHECK(registry.remove("a"));
}

TEST_CASE("Registry: is looked up, changed and configured by several threads at once") {
  Metrics metrics(1);
  Registry registry(metrics);
  registry.add(spec_of("stays"));
  std::atomic<bool> stop{false};
  std::atomic<bool> right{true};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        const auto stays = registry.find("stays");
        if (!stays || stays->spec().name != "stays") right = false;
        const auto comes = registry.find("comes");
        if (comes && comes->spec().name != "comes") right = false;
        const auto timeout = comes ? comes->timeout() : seconds(0);
        if (timeout != seconds(0) && timeout != seconds(1)) right = false;
        for (const auto& method : registry.all()) {
          if (method->spec().name.empty()) right = false;
        }
      }
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; !stop; ++i)
      registry.configure(i % 2 == 0 ? std::map<std::string, MethodSettings>{}
                                    : std::map<std::string, MethodSettings>{{"*", {seconds(1), 1}}});
  });
  for (int i = 0; i < 5000; ++i) {
    registry.add(spec_of("comes"));
    if (i % 2 == 0) registry.remove("comes");
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  CHECK(right);
}

}  // namespace
}  // namespace sluice::core
