// Topic rights: which topics a caller may subscribe to, or publish on.
#pragma once

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/access/topic_pattern.hpp"

namespace sluice::core {

// Allows nothing, unless patterns say so. Immutable; any thread.
class TopicRights {
 public:
  TopicRights() = default;
  explicit TopicRights(std::vector<TopicPattern> patterns) : patterns_(std::move(patterns)) {}

  // Whether the topic of that name is allowed.
  bool allow(std::string_view topic) const {
    return std::ranges::any_of(patterns_,
                               [&](const TopicPattern& allowed) { return allowed.matches(topic); });
  }
  // Whether everything that the pattern matches is allowed by one pattern.
  bool allow(const TopicPattern& pattern) const {
    return std::ranges::any_of(patterns_,
                               [&](const TopicPattern& allowed) { return allowed.covers(pattern); });
  }

  bool operator==(const TopicRights&) const = default;

 private:
  std::vector<TopicPattern> patterns_;
};

}  // namespace sluice::core
