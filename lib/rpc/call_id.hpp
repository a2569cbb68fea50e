// Ids of calls, compared by value: "a" and "\u0061" are the same.
#pragma once

#include <cstdint>
#include <string_view>

#include "lib/access/client.hpp"
#include "lib/call/active_call.hpp"

namespace sluice::core {

// Whether two ids, as JSON text, are the same value.
bool same_id(std::string_view left, std::string_view right);

// The same for ids that are the same; never 0. Costs what the id's bytes cost.
std::uint64_t hash_of_id(std::string_view id);

// What a control message wants to cancel.
struct CancelTarget {
  std::string_view id;
  std::uint64_t hash = 0;
  bool silent = false;  // the call gets no answer
  // Whose calls can be meant, where messages of several clients share a connection: those under a grant of
  // the same client as this one's.
  bool own_only = false;
  const Grant* grant = nullptr;

  bool may_reach(const Grant* granted) const;
};

bool is_target(ActiveCall& call, const CancelTarget& target);

}  // namespace sluice::core
