// Calls that wait for replies of one process or connection, by the ids that they have there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>

#include "lib/backend/wire_call.hpp"

namespace sluice::core {

// Also remembers ids whose calls were stopped, as their replies may yet come: late ones. Owns no call. Not
// thread-safe.
template <typename Call>
class PendingCalls {
 public:
  static constexpr std::size_t kLateMax = 1024;  // ids; past it the lowest is forgotten

  // The next id that no call has, and no reply that may yet come.
  std::uint32_t new_id() {
    return ids_.next([this](std::uint32_t id) { return calls_.contains(id) || late_.contains(id); });
  }
  // Whether an id like this one has been given to a call.
  bool given(std::uint32_t id) const { return ids_.given(id); }

  // `call` may be null, for a question of the server's own.
  void add(std::uint32_t id, Call* call) { calls_.emplace(id, call); }
  bool contains(std::uint32_t id) const { return calls_.contains(id); }
  // Null where no call has that id.
  Call* find(std::uint32_t id) const {
    const auto found = calls_.find(id);
    return found == calls_.end() ? nullptr : found->second;
  }
  void remove(std::uint32_t id) { calls_.erase(id); }
  std::size_t size() const { return calls_.size(); }
  bool empty() const { return calls_.empty(); }
  // The call that a reply without an id can be for; nothing where there are several, or none.
  std::optional<std::uint32_t> only_id() const {
    return calls_.size() == 1 ? std::optional(calls_.begin()->first) : std::nullopt;
  }
  // One for which `matches(call)` is true; null if no call has that.
  template <typename Matches>
  Call* find_if(const Matches& matches) const {
    for (const auto& [id, call] : calls_) {
      if (call != nullptr && matches(*call)) return call;
    }
    return nullptr;
  }
  // Any one of them; null where none is left.
  Call* any() const { return calls_.empty() ? nullptr : calls_.begin()->second; }

  // A reply to that id may yet come, though no call waits for it.
  void expect_late(std::uint32_t id) {
    late_.insert(id);
    if (late_.size() > kLateMax) late_.erase(late_.begin());
  }
  bool expects_late() const { return !late_.empty(); }
  // Whether a reply was late; it does not come again.
  bool take_late(std::uint32_t id) { return late_.erase(id) != 0; }
  void clear_late() { late_.clear(); }

 private:
  WireIds ids_;
  std::unordered_map<std::uint32_t, Call*> calls_;
  std::set<std::uint32_t> late_;
};

}  // namespace sluice::core
