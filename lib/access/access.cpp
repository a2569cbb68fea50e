#include "lib/access/access.hpp"

#include <utility>

namespace sluice::core {

std::shared_ptr<const ClientList> Access::prepare(const std::vector<ClientSettings>& clients) const {
  return std::make_shared<const ClientList>(clients, *list());
}

void Access::apply(std::shared_ptr<const ClientList> list) {
  bool changed = false;
  {
    const std::lock_guard lock(mutex_);
    changed = !list->open() || !list_->open();
    list_.swap(list);
  }
  // Incremented after the list is set: a thread that reads this number gets that list or a later one.
  if (changed) version_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const ClientList> Access::list() const {
  const std::lock_guard lock(mutex_);
  return list_;
}

std::shared_ptr<const Grant> Access::resolve(const Credentials& credentials, TimePoint now) {
  const auto current = list();
  if (current->open()) return nullptr;
  if (auto grant = current->find(credentials)) return grant;
  const auto& anonymous = current->anonymous();
  if (!anonymous) return nothing_;
  const bool unlimited = !anonymous->rate.limited() && anonymous->in_flight_max == 0;
  return std::make_shared<const Grant>(anonymous,
                                       unlimited ? nullptr : peers_.usage_of(credentials.peer(), now));
}

}  // namespace sluice::core
