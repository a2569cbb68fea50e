#include "lib/access/topic_pattern.hpp"

#include <algorithm>
#include <utility>

namespace sluice::core {
namespace {

bool is_token_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

bool is_topic_name(std::string_view text) {
  if (text.empty() || text.size() > kTopicBytesMax || text.back() == '.') return false;
  char previous = '.';
  for (const char c : text) {
    if (c == '.' ? previous == '.' : !is_token_character(c)) return false;
    previous = c;
  }
  return true;
}

Result<TopicPattern, TopicPattern::Invalid> TopicPattern::parse(std::string_view text) {
  if (text == "*") return TopicPattern("", true);
  if (text.size() > kTopicBytesMax) return Invalid{};
  if (!text.ends_with(".*")) {
    if (!is_topic_name(text)) return Invalid{};
    return TopicPattern(std::string(text), false);
  }
  if (!is_topic_name(text.substr(0, text.size() - 2))) return Invalid{};
  return TopicPattern(std::string(text.substr(0, text.size() - 1)), true);
}

bool TopicPattern::matches(std::string_view topic) const {
  return is_prefix_ ? topic.size() > text_.size() && topic.starts_with(text_) : topic == text_;
}

bool TopicPattern::covers(const TopicPattern& other) const {
  if (!other.is_prefix_) return matches(other.text_);
  return is_prefix_ && other.text_.starts_with(text_);
}

std::vector<TopicPattern> without_covered(std::vector<TopicPattern> patterns) {
  std::vector<TopicPattern> kept;
  for (TopicPattern& pattern : patterns) {
    const auto covers = [&](const TopicPattern& other) { return other.covers(pattern); };
    if (std::ranges::any_of(kept, covers)) continue;
    std::erase_if(kept, [&](const TopicPattern& other) { return pattern.covers(other); });
    kept.push_back(std::move(pattern));
  }
  return kept;
}

}  // namespace sluice::core
