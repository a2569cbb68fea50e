#include "lib/observe/metrics.hpp"

#include <limits>

namespace sluice::core {
namespace {

template <std::size_t N>
std::string_view name_at(const std::array<std::string_view, N>& names, std::size_t index) {
  return index < N ? names[index] : "other";
}

}  // namespace

std::string_view to_string(Rejection rejection) {
  static constexpr std::array<std::string_view, 7> kNames = {
      "queue_full", "method_busy", "overloaded", "draining", "rate_limited", "unauthenticated", "forbidden"};
  static_assert(kNames.size() == static_cast<std::size_t>(Rejection::kCount));
  return name_at(kNames, static_cast<std::size_t>(rejection));
}

std::string_view to_string(NoteFate fate) {
  static constexpr std::array<std::string_view, 3> kNames = {"sent", "replaced", "dropped"};
  static_assert(kNames.size() == static_cast<std::size_t>(NoteFate::kCount));
  return name_at(kNames, static_cast<std::size_t>(fate));
}

std::string_view to_string(Protocol protocol) {
  static constexpr std::array<std::string_view, 5> kNames = {"unknown", "stream", "header", "http",
                                                             "websocket"};
  static_assert(kNames.size() == static_cast<std::size_t>(Protocol::kCount));
  return name_at(kNames, static_cast<std::size_t>(protocol));
}

std::string_view to_string(CloseReason reason) {
  static constexpr std::array<std::string_view, 18> kNames = {
      "finished",         "reset",       "idle_timeout",    "message_timeout",
      "write_timeout",    "output_full", "message_too_big", "framing_lost",
      "tls_required",     "tls_failed",  "tls_flood",       "connection_limit",
      "descriptor_limit", "draining",    "stopped",         "overloaded",
      "unproven",         "peer_limit"};
  static_assert(kNames.size() == static_cast<std::size_t>(CloseReason::kCount));
  return name_at(kNames, static_cast<std::size_t>(reason));
}

void MethodShard::count(std::int64_t code) {
  if (code == 0) {
    ok_.add(1);
    return;
  }
  // A backend's code of more than 64 bits becomes one of these. It is passed on as it was, but is not counted
  // under a code that was not sent.
  if (code == std::numeric_limits<std::int64_t>::max() || code == std::numeric_limits<std::int64_t>::min())
    return other_.add(1);
  for (CodeCount& entry : codes_) {
    if (entry.code.get() == 0) entry.code.set(code);
    if (entry.code.get() == code) {
      entry.count.add(1);
      return;
    }
  }
  other_.add(1);
}

void MethodShard::for_each_code(const std::function<void(const std::string&, std::uint64_t)>& visit) const {
  if (ok_.get() > 0) visit("ok", ok_.get());
  for (const CodeCount& entry : codes_) {
    if (entry.count.get() > 0) visit(std::to_string(entry.code.get()), entry.count.get());
  }
  if (other_.get() > 0) visit("other", other_.get());
}

MethodShard& MetricsShard::method(const MethodMetrics& method) {
  if (MethodShard* const made = find(method)) return *made;
  const std::lock_guard lock(mutex_);
  if (method.slot >= methods_.size()) methods_.resize(method.slot + 1);
  methods_[method.slot] = std::make_unique<MethodShard>();
  return *methods_[method.slot];
}

void MetricsShard::for_each_method(const std::function<void(std::size_t, const MethodShard&)>& visit) const {
  const std::lock_guard lock(mutex_);
  for (std::size_t slot = 0; slot < methods_.size(); ++slot) {
    if (methods_[slot]) visit(slot, *methods_[slot]);
  }
}

Metrics::Metrics(std::size_t shards) {
  for (std::size_t i = 0; i < shards; ++i) shards_.push_back(std::make_unique<MetricsShard>());
  unknown_ = &method("_unknown");
  invalid_ = &method("_invalid");
  unknown_->has_permits = invalid_->has_permits = true;
}

MethodMetrics& Metrics::method(std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_name_.find(name); found != by_name_.end()) return *found->second;
  auto entry = std::make_unique<MethodMetrics>();
  entry->name = name;
  entry->slot = methods_.size();
  MethodMetrics& reference = *entry;
  by_name_.emplace(reference.name, &reference);
  methods_.push_back(std::move(entry));
  return reference;
}

std::vector<const MethodMetrics*> Metrics::methods() const {
  const std::lock_guard lock(mutex_);
  std::vector<const MethodMetrics*> all;
  for (const auto& method : methods_) all.push_back(method.get());
  return all;
}

}  // namespace sluice::core
