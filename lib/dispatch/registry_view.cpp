#include "lib/dispatch/registry_view.hpp"

namespace sluice::core {
namespace {

std::shared_ptr<Method> lent(const std::shared_ptr<Method>& kept) {
  if (kept->spec().kind != HandlerKind::in_line) return kept;
  return {std::shared_ptr<Method>(), kept.get()};
}

}  // namespace

std::shared_ptr<Method> RegistryView::find(std::string_view name) {
  // Before the lookup: what changes meanwhile is then noticed by the next.
  const std::uint64_t version = registry_.version();
  const bool current = count_ == 0 || version == version_;
  for (std::size_t i = 0; current && i < count_; ++i) {
    if (kept_[i]->spec().name == name) return lent(kept_[i]);
  }
  auto found = registry_.find(name);
  // A route has many names.
  if (!found || !current || count_ == kMethodsMax || found->spec().name != name) return found;
  if (count_ == 0) {
    version_ = version;
    io_.late_at_turn_end(*this);
  }
  kept_[count_] = std::move(found);
  return lent(kept_[count_++]);
}

void RegistryView::on_turn_end() {
  while (count_ > 0) kept_[--count_].reset();
}

}  // namespace sluice::core
