#include "lib/server/descriptor_budget.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

namespace sluice::core {
namespace {

TEST_CASE("Descriptors: connections get the descriptors that the server does not need") {
  Settings settings;
  settings.max_connections = 10000;
  CHECK(connections_within(settings, 65536, 30) == 10000);
  CHECK(connections_within(settings, 64, 30) == 64 - 30 - kDescriptorReserve);
  settings.max_connections = 10;
  CHECK(connections_within(settings, 64, 30) == 10);
  CHECK(connections_within(settings, 16, 30) == 1);
}

TEST_CASE("Descriptors: descriptors are reserved for backends") {
  Settings settings;
  settings.max_connections = 10000;
  const std::size_t without = connections_within(settings, 256, 30);
  BackendSettings child;
  child.child.emplace().instances = 4;
  settings.backends.push_back(child);
  const std::size_t with_child = connections_within(settings, 256, 30);
  CHECK(without - with_child >= 4 * 4 + 5);
  BackendSettings upstream;
  upstream.upstream.emplace().urls = {"tcp://127.0.0.1:1", "tcp://127.0.0.1:2"};
  upstream.upstream->connections = 3;
  settings.backends.push_back(upstream);
  CHECK(with_child - connections_within(settings, 256, 30) >= 2 * 3);
}

TEST_CASE("Descriptors: open ones are counted") {
  const std::size_t before = count_descriptors().open;
  const int one = ::dup(0);
  CHECK(count_descriptors().open == before + (one >= 0 ? 1 : 0));
  ::close(one);
  CHECK(count_descriptors().limit > before);
}

}  // namespace
}  // namespace sluice::core
