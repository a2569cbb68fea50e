#include "lib/events/subscribe_request.hpp"

#include <charconv>
#include <cstdint>
#include <utility>

#include "proto/json_text.hpp"

namespace sluice::core {
namespace {

using proto::Error;
using proto::invalid_params;

constexpr std::string_view kTopicExpected = "a topic (\"orders.eu\") or a prefix of topics (\"orders.*\")";
constexpr std::string_view kTopicsExpected = "a topic, a prefix of topics, or an array of 1 to 16 of them";

std::optional<std::int64_t> read_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// Reads options into a request, one after the other.
class OptionReader {
 public:
  OptionReader(SubscribeRequest& request, std::string path) : request_(request), path_(std::move(path)) {}

  Result<void, Error> read(std::string_view name, std::string_view value) {
    if (name == "filter") return read_filter(value);
    if (name == "from") return read_from(value);
    if (name == "heartbeat_ms") return read_heartbeat(value);
    if (name == "slow") return read_slow(value);
    if (name == "queue") return read_queue(value);
    return invalid_params(path_, "one of topic, filter, from, heartbeat_ms, slow and queue");
  }

 private:
  Result<void, Error> read_filter(std::string_view value) {
    auto filter = EventFilter::parse(value, path_);
    if (!filter) return std::move(filter).error();
    request_.filter = std::move(filter.value());
    return success();
  }
  Result<void, Error> read_from(std::string_view value) {
    const auto text = proto::as_string(value);
    if (text == "now") {
      request_.from = FromNow{};
    } else if (text == "last") {
      request_.from = FromLast{};
    } else if (const auto position = EventPosition::parse(text.value_or(""))) {
      request_.from = position.value();
    } else {
      return invalid_params(path_, "\"now\", \"last\" or the pos of an event");
    }
    return success();
  }
  Result<void, Error> read_heartbeat(std::string_view value) {
    const auto ms = read_integer(value);
    if (!ms || *ms < kHeartbeatMin.count() || *ms > kHeartbeatMax.count())
      return invalid_params(path_, "an integer from 1000 to 600000");
    request_.heartbeat = std::chrono::milliseconds(*ms);
    return success();
  }
  Result<void, Error> read_slow(std::string_view value) {
    const auto text = proto::as_string(value);
    if (text == "close") {
      request_.slow = SlowPolicy::close;
    } else if (text == "drop_oldest") {
      request_.slow = SlowPolicy::drop_oldest;
    } else if (text == "conflate") {
      request_.slow = SlowPolicy::conflate;
    } else {
      return invalid_params(path_, "\"close\", \"drop_oldest\" or \"conflate\"");
    }
    return success();
  }
  Result<void, Error> read_queue(std::string_view value) {
    const auto events = read_integer(value);
    if (!events || *events < 1) return invalid_params(path_, "a positive integer");
    request_.queue_events_max = static_cast<std::size_t>(*events);
    return success();
  }

  SubscribeRequest& request_;
  std::string path_;
};

Result<TopicPattern, Error> read_pattern(std::string_view value, const std::string& path) {
  const auto text = proto::as_string(value);
  if (!text) return invalid_params(path, kTopicExpected);
  auto pattern = TopicPattern::parse(*text);
  if (!pattern) return invalid_params(path, kTopicExpected);
  return std::move(pattern.value());
}

Result<std::vector<TopicPattern>, Error> read_patterns(std::string_view value, const std::string& path) {
  std::vector<TopicPattern> patterns;
  if (value.starts_with('[')) {
    for (proto::JsonWalker walker(value); walker.next();) {
      if (patterns.size() == kSubscribedPatternsMax) return invalid_params(path, kTopicsExpected);
      auto pattern = read_pattern(walker.value(), path + '/' + std::to_string(patterns.size()));
      if (!pattern) return std::move(pattern).error();
      patterns.push_back(std::move(pattern.value()));
    }
    if (patterns.empty()) return invalid_params(path, kTopicsExpected);
  } else {
    auto pattern = read_pattern(value, path);
    if (!pattern) return std::move(pattern).error();
    patterns.push_back(std::move(pattern.value()));
  }
  return without_covered(std::move(patterns));
}

Result<void, Error> read_topic(std::string_view value, const std::string& path, SubscribeRequest& request) {
  auto patterns = read_patterns(value, path);
  if (!patterns) return std::move(patterns).error();
  request.patterns = std::move(patterns.value());
  return success();
}

// `topic` says whether the topic is one of the options.
Result<void, Error> read_options(std::string_view object, bool topic, SubscribeRequest& request) {
  for (proto::JsonWalker walker(object); walker.next();) {
    const std::string name(walker.key());
    const std::string path = request.options_path + '/' + pointer_token(name);
    auto read = topic && name == "topic" ? read_topic(walker.value(), path, request)
                                         : OptionReader(request, path).read(name, walker.value());
    if (!read) return read;
  }
  return success();
}

Result<void, Error> read_array(std::string_view params, SubscribeRequest& request) {
  request.options_path = "/1";
  std::size_t elements = 0;
  for (proto::JsonWalker walker(params); walker.next(); ++elements) {
    Result<void, Error> read = success();
    if (elements == 0) {
      read = read_topic(walker.value(), "/0", request);
    } else if (elements > 1) {
      read = invalid_params("/2", "at most a topic and options");
    } else if (walker.value().starts_with('{')) {
      read = read_options(walker.value(), false, request);
    } else {
      read = invalid_params("/1", "an object of options");
    }
    if (!read) return read;
  }
  if (elements == 0) return invalid_params("/0", kTopicsExpected);
  return success();
}

}  // namespace

Result<SubscribeRequest, Error> SubscribeRequest::parse(std::string_view params) {
  SubscribeRequest request;
  auto read = params.starts_with('[') ? read_array(params, request) : read_options(params, true, request);
  if (!read) return std::move(read).error();
  if (request.patterns.empty()) return invalid_params("/topic", kTopicsExpected);
  return request;
}

}  // namespace sluice::core
