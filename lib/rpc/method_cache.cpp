#include "lib/rpc/method_cache.hpp"

#include <algorithm>

namespace sluice::core {

// Null where the call has all that there is.
MethodCacheEntry* MethodCache::look_up(ActiveCall& call, std::uint64_t version) {
  call.method_kept = registry_.find(call.request.method);
  call.method = call.method_kept.get();
  // A route has many names.
  if (call.method == nullptr || call.method->spec().name != call.request.method) return nullptr;
  const auto free = std::ranges::find(holds_, nullptr, &MethodCacheEntry::method);
  if (free == holds_.end()) return nullptr;
  end_ = std::max(end_, static_cast<std::size_t>(free - holds_.begin()) + 1);
  *free = {std::move(call.method_kept), nullptr, version, 0};
  io_.defer_late(*this);
  return &*free;
}

void MethodCache::on_deferred() {
  for (std::size_t i = 0; i < end_; ++i) {
    if (holds_[i].calls == 0) holds_[i] = {};
  }
  while (end_ > 0 && !holds_[end_ - 1].method) --end_;
}

}  // namespace sluice::core
