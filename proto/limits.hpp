// Bounds of the protocol layer, each with its unit. Defaults are what an empty configuration means.
#pragma once

#include <cstddef>

namespace sluice::proto {

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;

inline constexpr std::size_t kMessageBytesDefault = 4 * kMiB;
inline constexpr std::size_t kResponseBytesDefault = 16 * kMiB;
inline constexpr std::size_t kBatchEntriesDefault = 1000;

// Positions inside a message are 32-bit, so no configuration may allow more.
inline constexpr std::size_t kMessageBytesCeiling = 1024 * kMiB;

// Containers open at once in a message, its own braces included.
inline constexpr std::size_t kDepthMax = 128;

// Bytes of one block of `Content-Length` style headers.
inline constexpr std::size_t kHeaderBlockBytesMax = 8 * kKiB;

// A message over its size limit is skipped to its end, so that the connection lives on, as long as
// that end comes within this many times the limit.
inline constexpr std::size_t kOversizeSkipFactor = 16;

// Capacity of the reassembly buffer that a WebSocket decoder keeps between messages.
inline constexpr std::size_t kWebSocketBufferKeptMax = 64 * kKiB;

// Bounds that one message may use.
struct MessageLimits {
  std::size_t message_bytes_max = kMessageBytesDefault;
  std::size_t batch_entries_max = kBatchEntriesDefault;
};

}  // namespace sluice::proto
