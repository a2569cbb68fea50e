#include "lib/backend/upstream/attempts.hpp"

#include <doctest/doctest.h>

namespace sluice::core {
namespace {

constexpr TimePoint kNow{std::chrono::hours(1)};

TEST_CASE("UpstreamAttempts: each attempt has an id of its own, and is under way until it is released") {
  UpstreamAttempts attempts(kNow);
  UpstreamAttempt first;
  UpstreamAttempt second;
  attempts.begin(first, true, kNow);
  CHECK(attempts.only() == &first);
  attempts.begin(second, true, kNow);
  CHECK(first.id != second.id);
  CHECK(attempts.only() == nullptr);
  CHECK(attempts.pending().find(second.id) == &second);
  attempts.release(first);
  CHECK(attempts.only() == &second);
}

TEST_CASE("UpstreamAttempts: a notification that gets no reply is not under way") {
  UpstreamAttempts attempts(kNow);
  UpstreamAttempt notification;
  attempts.begin(notification, false, kNow);
  CHECK(attempts.pending().empty());
  CHECK(attempts.take_left() == nullptr);
}

TEST_CASE("UpstreamAttempts: at the end it is known which attempts may have left this machine") {
  UpstreamAttempts attempts(kNow);
  UpstreamAttempt sent;
  UpstreamAttempt unsent;
  attempts.begin(sent, true, kNow);
  attempts.note_sent();
  attempts.begin(unsent, true, kNow);
  for (int i = 0; i < 2; ++i) REQUIRE(attempts.take_left() != nullptr);
  CHECK(attempts.take_left() == nullptr);
  CHECK(sent.sent);
  CHECK_FALSE(unsent.sent);
  CHECK_FALSE(sent.unread);
}

TEST_CASE("UpstreamAttempts: what a closing server did not read is unread, and sent all the same") {
  UpstreamAttempts attempts(kNow);
  UpstreamAttempt attempt;
  attempts.begin(attempt, true, kNow);
  attempts.note_sent();
  attempts.note_unread();
  CHECK(attempts.take_left() == &attempt);
  CHECK(attempt.sent);
  CHECK(attempt.unread);
}

TEST_CASE("UpstreamAttempts: a connection is fresh until it has answered something") {
  UpstreamAttempts attempts(kNow);
  attempts.note_received(kNow);
  CHECK(attempts.fresh());
  attempts.note_answer();
  CHECK_FALSE(attempts.fresh());
}

TEST_CASE(
    "UpstreamAttempts: a connection is suspect if nothing came since the attempt began, until a message") {
  UpstreamAttempts attempts(kNow);
  UpstreamAttempt attempt;
  attempts.begin(attempt, true, kNow + seconds(1));
  attempts.note_received(kNow + seconds(2));
  attempts.mark_suspect(attempt);
  CHECK_FALSE(attempts.suspect());
  UpstreamAttempt later;
  attempts.begin(later, true, kNow + seconds(3));
  attempts.mark_suspect(later);
  CHECK(attempts.suspect());
  attempts.note_message();
  CHECK_FALSE(attempts.suspect());
}

}  // namespace
}  // namespace sluice::core
