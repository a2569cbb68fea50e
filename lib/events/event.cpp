#include "lib/events/event.hpp"

#include <algorithm>

namespace sluice::core {

Event::Event(std::string_view topic, std::string_view data, std::uint64_t epoch, TimePoint published)
    : published_(published), topic_bytes_(static_cast<std::uint16_t>(topic.size())) {
  tail_.reserve(kBeforeTopic.size() + topic.size() + kBeforePosition.size() + EventPosition::kTextBytes +
                kBeforeData.size() + data.size() + kEnd.size());
  tail_.append(kBeforeTopic).append(topic).append(kBeforePosition);
  tail_.append(EventPosition::kTextBytes, '-');
  write_hex16(tail_.data() + position_begin(), epoch);
  tail_.append(kBeforeData);
  const std::size_t data_begin = tail_.size();
  tail_.append(data);
  // In valid JSON text they stand between tokens only.
  std::replace_if(
      tail_.begin() + static_cast<std::ptrdiff_t>(data_begin), tail_.end(),
      [](char c) { return c == '\n' || c == '\r'; }, ' ');
  tail_.append(kEnd);
}

void Event::set_sequence(std::uint64_t sequence) {
  sequence_ = sequence;
  write_hex16(tail_.data() + position_begin() + EventPosition::kTextBytes - 16, sequence);
}

void Event::set_key(std::string_view key) {
  std::string text;
  text.reserve(topic_bytes_ + 1 + key.size());
  key_ = std::move(text.append(topic()).append("\n").append(key));
}

std::string_view Event::data() const {
  const std::size_t begin = position_begin() + EventPosition::kTextBytes + kBeforeData.size();
  return std::string_view(tail_).substr(begin, tail_.size() - kEnd.size() - begin);
}

}  // namespace sluice::core
