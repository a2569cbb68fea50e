// Subscribe request: what the params of `rpc.subscribe` ask for.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/access/topic_pattern.hpp"
#include "lib/base/result.hpp"
#include "lib/events/event_filter.hpp"
#include "lib/events/event_hub.hpp"
#include "lib/events/settings.hpp"
#include "proto/error.hpp"

namespace sluice::core {

inline constexpr std::size_t kSubscribedPatternsMax = 16;
inline constexpr std::chrono::milliseconds kHeartbeatMin = std::chrono::seconds(1);
inline constexpr std::chrono::milliseconds kHeartbeatMax = std::chrono::minutes(10);

struct SubscribeRequest {
  // `{"topic": T, ...}`, `[T]` or `[T, {...}]`, T being a pattern or an array of them. `params` is valid JSON
  // text, or empty. Errors are -32602 with the path of what is invalid; unknown options are.
  static Result<SubscribeRequest, proto::Error> parse(std::string_view params);

  std::vector<TopicPattern> patterns;  // as listed, without those that another one covers
  EventFilter filter;
  StartFrom from;
  std::optional<std::chrono::milliseconds> heartbeat;
  std::optional<SlowPolicy> slow;
  std::optional<std::size_t> queue_events_max;
  std::string options_path;  // JSON pointer to the options in params: "" or "/1"
};

}  // namespace sluice::core
