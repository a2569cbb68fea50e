#include "lib/backend/upstream/hedges.hpp"

#include <doctest/doctest.h>

#include <string>

namespace sluice::core {
namespace {

using std::chrono::milliseconds;

void observe(UpstreamHedges& hedges, std::string_view method, std::string_view route, int times) {
  for (int i = 0; i < times; ++i) hedges.observe(method, route, milliseconds(8));
}

TEST_CASE("UpstreamHedges: a route is hedged once enough of its calls were answered") {
  UpstreamHedges hedges({"get*"});
  observe(hedges, "get_a", "get*", 19);
  CHECK_FALSE(hedges.delay("get_a", "get*"));
  observe(hedges, "get_b", "get*", 1);
  REQUIRE(hedges.delay("get_a", "get*"));
  CHECK(*hedges.delay("get_a", "get*") >= milliseconds(8));
  CHECK_FALSE(hedges.delay("get_a", "get_a"));
}

TEST_CASE("UpstreamHedges: only what may run twice is hedged") {
  UpstreamHedges hedges({"get*", "!get_once"});
  observe(hedges, "get_once", "get*", 30);
  CHECK_FALSE(hedges.delay("get_once", "get*"));
  CHECK_FALSE(hedges.delay("get_a", "get*"));
  observe(hedges, "get_a", "get*", 30);
  CHECK_FALSE(hedges.delay("get_once", "get*"));
  CHECK(hedges.delay("get_a", "get*"));
  UpstreamHedges none({});
  observe(none, "get_a", "get*", 30);
  CHECK_FALSE(none.delay("get_a", "get*"));
}

TEST_CASE("UpstreamHedges: what is learnt is bounded") {
  UpstreamHedges hedges({"*"});
  for (std::size_t i = 0; i <= UpstreamHedges::kRoutesMax; ++i) {
    observe(hedges, "m", "r" + std::to_string(i), 20);
  }
  CHECK(hedges.delay("m", "r0"));
  CHECK_FALSE(hedges.delay("m", "r" + std::to_string(UpstreamHedges::kRoutesMax)));
}

}  // namespace
}  // namespace sluice::core
