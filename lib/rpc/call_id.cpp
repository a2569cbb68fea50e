#include "lib/rpc/call_id.hpp"

#include <functional>
#include <optional>
#include <string>

#include "proto/json_text.hpp"

namespace sluice::core {
namespace {

bool is_escaped(std::string_view id) { return id.find('\\') != std::string_view::npos; }

}  // namespace

bool same_id(std::string_view left, std::string_view right) {
  if (left == right) return true;
  if (!is_escaped(left) && !is_escaped(right)) return false;
  const auto value = proto::as_string(left);
  return value && value == proto::as_string(right);
}

std::uint64_t hash_of_id(std::string_view id) {
  constexpr std::uint64_t kStringBit = 1;  // "1" and 1 differ, and none is 0
  constexpr std::uint64_t kOtherBit = 2;
  if (!id.starts_with('"')) return std::hash<std::string_view>()(id) << 2 | kOtherBit;
  if (const auto value = is_escaped(id) ? proto::as_string(id) : std::nullopt) {
    return std::hash<std::string_view>()(*value) << 2 | kStringBit;
  }
  return std::hash<std::string_view>()(id.substr(1, id.size() - 2)) << 2 | kStringBit;
}

bool CancelTarget::may_reach(const Grant* granted) const {
  if (!own_only || granted == grant) return true;
  return granted != nullptr && grant != nullptr && granted->client_name() == grant->client_name();
}

// The call's hash is made when the first cancel asks for it, so that ordinary calls pay nothing.
bool is_target(ActiveCall& call, const CancelTarget& target) {
  if (call.request.is_notification()) return false;
  if (call.id_hash == 0) call.id_hash = hash_of_id(call.request.id);
  return call.id_hash == target.hash && same_id(call.request.id, target.id) &&
         target.may_reach(call.grant.get());
}

}  // namespace sluice::core
