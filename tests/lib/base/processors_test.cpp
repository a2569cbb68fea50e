#include "lib/base/processors.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <thread>

#include <sched.h>

#include "lib/base/cgroup_limits.hpp"

namespace sluice::core {
namespace {

TEST_CASE("Processors: only those count that the thread may run on") {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  REQUIRE(::sched_getaffinity(0, sizeof allowed, &allowed) == 0);
  const double quota = read_cgroup_limits().processors.value_or(CPU_COUNT(&allowed));
  CHECK(processor_count() == std::min<std::size_t>(static_cast<std::size_t>(CPU_COUNT(&allowed)),
                                                   static_cast<std::size_t>(std::ceil(quota))));
  std::size_t counted = 0;
  // A thread of its own, which leaves this one where it is.
  std::thread([&] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(::sched_getcpu(), &one);
    if (::sched_setaffinity(0, sizeof one, &one) == 0) counted = processor_count();
  }).join();
  CHECK(counted == 1);
}

}  // namespace
}  // namespace sluice::core
