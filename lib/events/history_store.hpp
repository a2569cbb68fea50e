// History store: the histories of all topics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lib/base/intrusive_list.hpp"
#include "lib/base/result.hpp"
#include "lib/events/event_history.hpp"
#include "lib/events/event_rules.hpp"

namespace sluice::core {

struct HistoryTag;

// Bounds of a history store.
struct HistoryBounds {
  std::size_t topics_max = 10'000;
  std::size_t bytes_max = 256 * 1024 * 1024;
  std::size_t replay_events_max = 65'536;  // that one subscription begins with: the hub is locked meanwhile
};

// If a bound is exceeded, the history goes whose topic was published least recently. From then on no
// position before its last event can be resumed from by a pattern that may match its topic. Not thread-safe.
class HistoryStore {
 public:
  // Events after a position are incomplete.
  struct Gone {
    std::uint64_t oldest;  // from here on they would be complete
  };

  explicit HistoryStore(HistoryBounds bounds = {}) : bounds_(bounds) {
    expired_up_to_.reserve(kTopicBytesMax);  // expire() does not throw
  }

  // If it throws, nothing has changed.
  void add(const EventPtr& event, const TopicSettings& bounds);

  // Events that match, after the sequence; in any order. `newest` is the sequence of all events so far.
  Result<std::vector<EventPtr>, Gone> after(const std::vector<TopicPattern>& patterns, std::uint64_t sequence,
                                            std::uint64_t newest, TimePoint now);
  // The newest event of each topic that matches and has a history; in any order.
  std::vector<EventPtr> last(const std::vector<TopicPattern>& patterns, TimePoint now);

  // Drops what is too old, of the next `topics` topics in turn. False at the end of a round.
  bool expire(TimePoint now, std::size_t topics) noexcept;
  // Applies new rules. Topics without events here may have lost some up to the sequence `floor`.
  void apply(const EventRules& rules, std::uint64_t floor, TimePoint now);

  std::size_t topics() const { return topics_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Topic : ListHook<HistoryTag> {
    Topic(std::uint64_t lost, const TopicSettings& settings) : history(lost), bounds(settings) {}
    ~Topic() { unlink(); }
    EventHistory history;
    TopicSettings bounds;
    const std::string* name = nullptr;
  };
  using Topics = std::map<std::string, Topic, std::less<>>;

  void trim(Topic& topic, TimePoint now);
  void evict();
  template <typename Visit>
  void for_each_match(const std::vector<TopicPattern>& patterns, TimePoint now, const Visit& visit);

  HistoryBounds bounds_;
  Topics topics_;
  IntrusiveList<Topic, HistoryTag> by_use_;  // least recently published first
  std::size_t bytes_ = 0;
  std::uint64_t floor_ = 0;    // topics without an entry may have lost events up to here
  std::string expired_up_to_;  // the topic where expire() goes on
};

}  // namespace sluice::core
