// Event: one published text, shared by all its subscribers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lib/events/event_position.hpp"
#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// Label of a topic in metrics: the number of a configured pattern, or kOtherTopics.
using TopicLabel = std::uint16_t;
inline constexpr TopicLabel kOtherTopics = 0;
inline constexpr std::size_t kTopicLabelsMax = 256;

// The end of all its notifications is composed once; only what comes before differs by subscription. It is
// numbered before another thread sees it, and immutable from then on.
class Event {
 public:
  // `data` is valid JSON text. Line breaks between its tokens become spaces: a notification is one line.
  Event(std::string_view topic, std::string_view data, std::uint64_t epoch, TimePoint published);

  // Before it is shared.
  void set_sequence(std::uint64_t sequence);
  void set_label(TopicLabel label) { label_ = label; }
  // Under SlowPolicy::conflate it replaces events of the same topic and key, rather than all of its topic.
  void set_key(std::string_view key);

  std::uint64_t sequence() const { return sequence_; }
  TopicLabel label() const { return label_; }
  TimePoint published() const { return published_; }

  // The end of a notification: `,"topic":"T","pos":"P","result":DATA}}`.
  std::string_view tail() const { return tail_; }
  std::string_view topic() const { return std::string_view(tail_).substr(kTopicBegin, topic_bytes_); }
  std::string_view position() const {
    return std::string_view(tail_).substr(position_begin(), EventPosition::kTextBytes);
  }
  std::string_view data() const;
  // Equal for events of which only the newest waits under SlowPolicy::conflate.
  std::string_view conflation_key() const { return key_.empty() ? topic() : std::string_view(key_); }
  // What it counts for in queues and in histories.
  std::size_t bytes() const { return tail_.size(); }

 private:
  static constexpr std::string_view kBeforeTopic = R"(,"topic":")";
  static constexpr std::string_view kBeforePosition = R"(","pos":")";
  static constexpr std::string_view kBeforeData = R"(","result":)";
  static constexpr std::string_view kEnd = "}}";
  static constexpr std::size_t kTopicBegin = kBeforeTopic.size();

  std::size_t position_begin() const { return kTopicBegin + topic_bytes_ + kBeforePosition.size(); }

  std::string tail_;
  std::string key_;  // empty: the topic
  std::uint64_t sequence_ = 0;
  TimePoint published_;
  std::uint16_t topic_bytes_;
  TopicLabel label_ = kOtherTopics;
};

using EventPtr = std::shared_ptr<const Event>;

}  // namespace sluice::core
