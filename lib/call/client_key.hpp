// Client key: identity of a client in fair queues.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sluice::core {

// A key for a client without another identity; it is only compared. Calls may outlive their connection, whose
// address may then be reused. Such a key is never reused.
inline const void* new_client_key() {
  static std::atomic<std::uintptr_t> last{0};
  // No object has an odd address.
  const std::uintptr_t number = last.fetch_add(1, std::memory_order_relaxed) + 1;
  return reinterpret_cast<const void*>(number * alignof(std::max_align_t) + 1);
}
inline bool is_client_key(const void* client) { return reinterpret_cast<std::uintptr_t>(client) % 2 == 1; }

}  // namespace sluice::core
