// Topic pattern: the name of a topic, or a prefix of names.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace sluice::core {

inline constexpr std::size_t kTopicBytesMax = 255;

// Whether `text` is a name: 1 to kTopicBytesMax bytes, tokens of [A-Za-z0-9_-] with a dot between them.
bool is_topic_name(std::string_view text);

// A name ("orders.eu"), or a prefix of names ("orders.*", "*") that ends at a dot. "orders.*" does not match
// "orders". Immutable.
class TopicPattern {
 public:
  struct Invalid {};

  static Result<TopicPattern, Invalid> parse(std::string_view text);

  // Does not allocate. `topic` is a name.
  bool matches(std::string_view topic) const;
  // Whether it matches all that `other` matches.
  bool covers(const TopicPattern& other) const;

  bool is_prefix() const { return is_prefix_; }
  // The name; of a prefix, what names begin with, including the dot: empty for "*".
  const std::string& text() const { return text_; }
  // As it was written.
  std::string to_string() const { return is_prefix_ ? text_ + '*' : text_; }

  bool operator==(const TopicPattern&) const = default;

 private:
  TopicPattern(std::string text, bool is_prefix) : text_(std::move(text)), is_prefix_(is_prefix) {}

  std::string text_;
  bool is_prefix_;
};

// The patterns without those that another one covers: at most one of the rest matches any name.
std::vector<TopicPattern> without_covered(std::vector<TopicPattern> patterns);

}  // namespace sluice::core
