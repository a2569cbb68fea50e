// Dial budget: the limit of new connections to one URL.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// A token bucket. It keeps calls that fail from causing connections, each of which costs the server more than
// a call (CVE-2023-44487). A connection takes a token. The bucket begins full. Each response adds one, since
// a connection that has served may be replaced, and 16 a second are added. Not thread-safe; time is passed
// in.
class DialBudget {
 public:
  static constexpr auto kPerToken = std::chrono::milliseconds(62);  // 16 a second beside what is answered

  explicit DialBudget(std::size_t tokens)
      : tokens_max_(std::max<std::size_t>(1, tokens)), tokens_(tokens_max_) {}

  // Whether a connection may be begun now; takes its token if so.
  bool try_take(TimePoint now) {
    advance(now);
    if (tokens_ == 0) return false;
    if (tokens_-- == tokens_max_) since_ = now;
    return true;
  }
  // A response has come.
  void deposit() { tokens_ = std::min(tokens_ + 1, tokens_max_); }
  // When there is a token again.
  TimePoint next() const { return since_ + kPerToken; }

 private:
  void advance(TimePoint now) {
    if (tokens_ >= tokens_max_) return;
    const auto come =
        static_cast<std::size_t>(std::max(TimePoint::duration::zero(), now - since_) / kPerToken);
    tokens_ = std::min(tokens_max_, tokens_ + come);
    since_ += kPerToken * come;
  }

  const std::size_t tokens_max_;
  std::size_t tokens_;
  TimePoint since_{};  // time up to here has brought its tokens
};

}  // namespace sluice::core
