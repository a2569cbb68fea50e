#include "lib/backend/pending_calls.hpp"

#include <doctest/doctest.h>

namespace sluice::core {
namespace {

TEST_CASE("PendingCalls: each call has an id of its own, from 1") {
  PendingCalls<int> pending;
  int first = 0;
  int second = 0;
  CHECK(pending.new_id() == 1);
  pending.add(1, &first);
  CHECK(pending.new_id() == 2);
  pending.add(2, &second);
  CHECK(pending.find(1) == &first);
  CHECK(pending.find(2) == &second);
  CHECK(pending.find(3) == nullptr);
  CHECK(pending.given(2));
  CHECK_FALSE(pending.given(3));
}

TEST_CASE("PendingCalls: a reply without an id can be for the only call, while there is just one") {
  PendingCalls<int> pending;
  int first = 0;
  CHECK_FALSE(pending.only_id());
  CHECK(pending.any() == nullptr);
  pending.add(pending.new_id(), &first);
  CHECK(pending.only_id() == 1u);
  CHECK(pending.any() == &first);
  pending.add(pending.new_id(), nullptr);  // a question of the server's own
  CHECK_FALSE(pending.only_id());
  pending.remove(1);
  CHECK(pending.only_id() == 2u);
  CHECK(pending.size() == 1);
}

TEST_CASE("PendingCalls: the reply to a stopped call is late once") {
  PendingCalls<int> pending;
  pending.expect_late(pending.new_id());
  CHECK(pending.expects_late());
  CHECK(pending.take_late(1));
  CHECK_FALSE(pending.take_late(1));
  CHECK_FALSE(pending.expects_late());
}

TEST_CASE("PendingCalls: it remembers a bounded number of late replies, the latest") {
  PendingCalls<int> pending;
  constexpr auto kMax = static_cast<std::uint32_t>(PendingCalls<int>::kLateMax);
  for (std::uint32_t i = 0; i <= kMax; ++i) pending.expect_late(pending.new_id());
  CHECK_FALSE(pending.take_late(1));
  CHECK(pending.take_late(2));
  CHECK(pending.take_late(kMax + 1));
  pending.clear_late();
  CHECK_FALSE(pending.expects_late());
}

}  // namespace
}  // namespace sluice::core
