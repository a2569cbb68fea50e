// Ids of calls, compared by value: "a" and "\u0061" are the same.
#pragma once

#include <cstdint>
#include <string_view>

#include "lib/access/client.hpp"
#include "lib/call/active_call.hpp"

namespace sluice::core {

// True if two ids, as JSON text, have the same value.
bool same_id(std::string_view left, std::string_view right);

// Equal for equal ids; never 0. Costs time in proportion to the id's bytes.
std::uint64_t hash_of_id(std::string_view id);

// Target of a cancel.
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
