#include "lib/rpc/held_calls.hpp"

#include <algorithm>
#include <utility>

namespace sluice::core {

std::optional<HeldCall> HeldCalls::take(const CancelTarget& target) {
  const auto found = std::ranges::find_if(calls_, [&](HeldCall& each) {
    if (each.batch != nullptr || each.is_notification()) return false;
    if (each.id_hash == 0) each.id_hash = hash_of_id(each.id());
    return each.id_hash == target.hash && same_id(each.id(), target.id) && target.may_reach(each.grant.get());
  });
  if (found == calls_.end()) return std::nullopt;
  return take(found);
}

bool HeldCalls::reply_due() const {
  return std::ranges::any_of(calls_, [](const HeldCall& each) { return !each.is_notification(); });
}

HeldCall HeldCalls::take(std::list<HeldCall>::iterator at) {
  HeldCall taken = std::move(*at);
  calls_.erase(at);
  text_bytes_ -= taken.text.size();
  return taken;
}

}  // namespace sluice::core
