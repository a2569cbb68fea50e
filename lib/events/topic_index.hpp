// Topic index: values by pattern, found by the topics that they match.
#pragma once

#include <cstddef>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <unordered_map>

#include "lib/access/topic_pattern.hpp"

namespace sluice::core {

// Walks all patterns that match a topic, as texts of TopicPattern: the name, the prefixes at its dots from
// the longest to the shortest, and that of "*". The topic's text outlives it.
class TopicMatches {
 public:
  explicit TopicMatches(std::string_view topic) : text_(topic) {}
  // Those that cover the pattern, beginning with itself.
  explicit TopicMatches(const TopicPattern& pattern)
      : text_(pattern.text()), is_prefix_(pattern.is_prefix()) {}

  std::string_view text() const { return text_; }
  bool is_prefix() const { return is_prefix_; }
  // False after the last one.
  bool next() {
    if (is_prefix_ && text_.empty()) return false;
    const std::size_t dot = text_.substr(0, text_.size() - (is_prefix_ ? 1 : 0)).rfind('.');
    text_ = text_.substr(0, dot == std::string_view::npos ? 0 : dot + 1);
    is_prefix_ = true;
    return true;
  }

 private:
  std::string_view text_;
  bool is_prefix_ = false;
};

// Not thread-safe. Looking up does not allocate; references stay valid until their pattern is erased.
template <typename T>
class TopicIndex {
 public:
  // Creates what is missing.
  T& at(const TopicPattern& pattern) { return map(pattern.is_prefix())[pattern.text()]; }
  void erase(const TopicPattern& pattern) { erase(TopicMatches(pattern)); }
  void erase(const TopicMatches& match) {
    Map& values = map(match.is_prefix());
    if (const auto found = values.find(match.text()); found != values.end()) values.erase(found);
  }

  // Null if it is missing.
  T* find(const TopicPattern& pattern) { return find(pattern.is_prefix(), pattern.text()); }
  T* find(const TopicMatches& match) { return find(match.is_prefix(), match.text()); }
  const T* find(const TopicMatches& match) const { return const_cast<TopicIndex*>(this)->find(match); }

  // Calls `visit(value)` for all that match, the most special first.
  template <typename Visit>
  void for_each_match(std::string_view topic, const Visit& visit) {
    TopicMatches match(topic);
    do {
      if (T* const value = find(match)) visit(*value);
    } while (match.next());
  }
  // Calls `visit(text, is_prefix, value)` for all, and erases those for which it returns true. It may erase
  // other ones itself.
  template <typename Visit>
  void erase_if(const Visit& visit) {
    for (const bool prefixes : {false, true}) {
      Map& values = map(prefixes);
      for (auto at = values.begin(); at != values.end();)
        at = visit(std::string_view(at->first), prefixes, at->second) ? values.erase(at) : std::next(at);
    }
  }

  bool empty() const { return names_.empty() && prefixes_.empty(); }
  std::size_t size() const { return names_.size() + prefixes_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Map = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  Map& map(bool prefixes) { return prefixes ? prefixes_ : names_; }
  T* find(bool is_prefix, std::string_view text) {
    Map& values = map(is_prefix);
    if (values.empty()) return nullptr;
    const auto found = values.find(text);
    return found == values.end() ? nullptr : &found->second;
  }

  Map names_;
  Map prefixes_;  // by what names begin with
};

}  // namespace sluice::core
