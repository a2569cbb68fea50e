#include "lib/dispatch/registry_view.hpp"

#include "lib/base/same_text.hpp"

namespace sluice::core {

void RegistryView::resolve(ActiveCall& call) {
  const std::string_view name = call.request.method;
  // Before the lookup: what changes meanwhile is then noticed by the next.
  const std::uint64_t version = registry_.version();
  const bool current = count_ == 0 || version == version_;
  for (std::size_t i = 0; current && i < count_; ++i) {
    if (same_text(kept_[i].method->spec().name, name)) return lend(kept_[i], call);
  }
  call.method_kept = registry_.find(name);
  call.method = call.method_kept.get();
  // A route has many names.
  if (call.method == nullptr || !current || count_ == kMethodsMax || call.method->spec().name != name) return;
  if (count_ == 0) {
    version_ = version;
    io_.late_at_turn_end(*this);
  }
  kept_[count_++] = {call.method_kept, io_.metrics().find(call.method->metrics())};
}

void RegistryView::lend(const Kept& kept, ActiveCall& call) {
  call.method = kept.method.get();
  call.counts = kept.counts;
  if (call.method->spec().kind != HandlerKind::in_line) call.method_kept = kept.method;
}

void RegistryView::on_turn_end() {
  while (count_ > 0) kept_[--count_].method.reset();
}

}  // namespace sluice::core
