#include "lib/server/overload_control.hpp"

#include <doctest/doctest.h>

namespace sluice::core::testing {
namespace {

TEST_CASE("a pool grows while calls wait long, up to its maximum") {
  PoolSize size(2, 4);
  CHECK(size.update(0, false, false) == 2);
  CHECK(size.update(0, true, true) == 3);
  CHECK(size.update(0, true, true) == 4);
  CHECK(size.update(0, true, true) == 4);
}

TEST_CASE("a pool shrinks to its minimum when no calls have waited for a while") {
  PoolSize size(2, 4);
  size.update(0, true, true);
  size.update(0, true, true);
  std::size_t workers = 4;
  for (int i = 0; i < 50; ++i) workers = size.update(0, false, true);
  CHECK(workers == 4);
  for (int i = 0; i < 50; ++i) workers = size.update(0, false, false);
  CHECK(workers == 3);
  for (int i = 0; i < 100; ++i) workers = size.update(0, false, false);
  CHECK(workers == 2);
}

TEST_CASE("a stuck worker is replaced for as long as it is stuck, within the most") {
  PoolSize size(2, 4);
  CHECK(size.update(1, false, false) == 3);
  CHECK(size.update(3, false, false) == 4);
  CHECK(size.update(0, false, false) == 2);
}

}  // namespace
}  // namespace sluice::core::testing
