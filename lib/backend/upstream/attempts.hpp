// Attempts that are under way over one connection to an upstream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "lib/backend/pending_calls.hpp"
#include "lib/backend/upstream/attempt.hpp"

namespace sluice::core {

// Gives each attempt its id, and knows what the connection's traffic says about them. Owns none of them. Not
// thread-safe; the time is passed in.
class UpstreamAttempts {
 public:
  explicit UpstreamAttempts(TimePoint now) : received_at_(now) {}

  // The attempt is about to be written. `awaited`: it gets a reply, and is under way until release().
  void begin(UpstreamAttempt& attempt, bool awaited, TimePoint now) {
    attempt.id = pending_.new_id();
    attempt.number = ++count_;
    attempt.began = now;
    if (awaited) pending_.add(attempt.id, &attempt);
  }
  // The attempt is over.
  void release(UpstreamAttempt& attempt) {
    pending_.remove(attempt.id);
    attempt.connection = nullptr;
  }
  // After the connection's end: releases one that is left, and says how far it came. Null where none is left.
  UpstreamAttempt* take_left() {
    UpstreamAttempt* const attempt = pending_.any();
    if (attempt == nullptr) return nullptr;
    attempt->sent = attempt->number <= sent_up_to_;
    attempt->unread = unread_;
    release(*attempt);
    return attempt;
  }

  PendingCalls<UpstreamAttempt>& pending() { return pending_; }
  const PendingCalls<UpstreamAttempt>& pending() const { return pending_; }
  // Null where there are several, or none.
  UpstreamAttempt* only() const { return pending_.size() == 1 ? pending_.any() : nullptr; }

  // All attempts so far may have left this machine.
  void note_sent() { sent_up_to_ = count_; }
  // What is in flight was most likely not read.
  void note_unread() { unread_ = true; }
  void note_received(TimePoint now) { received_at_ = now; }
  void note_answer() { ++answers_; }
  // Whether the connection has yet to answer anything.
  bool fresh() const { return answers_ == 0; }

  // The attempt waited for its whole time: if nothing has come since it began, the connection is suspect
  // until a message comes.
  void mark_suspect(const UpstreamAttempt& attempt) {
    if (received_at_ < attempt.began) suspect_ = true;
  }
  void note_message() { suspect_ = false; }
  bool suspect() const { return suspect_; }

 private:
  PendingCalls<UpstreamAttempt> pending_;
  std::uint64_t count_ = 0;       // of attempts
  std::uint64_t sent_up_to_ = 0;  // so many of them
  std::uint64_t answers_ = 0;
  TimePoint received_at_;
  bool suspect_ = false;
  bool unread_ = false;
};

}  // namespace sluice::core
