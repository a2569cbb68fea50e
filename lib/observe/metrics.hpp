// Metrics of the server. Each I/O thread counts without locks; a scrape sums over the threads.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/observe/histogram.hpp"
#include "lib/time/mean_time.hpp"

namespace sluice::core {

// Why a call was refused (label `reason` of sluice_calls_rejected_total).
enum class Rejection : std::uint8_t {
  queue_full,
  method_busy,
  overloaded,
  draining,
  rate_limited,     // at the client's own limit, of calls per second or in flight
  unauthenticated,  // of a caller that is not a known client
  forbidden,        // by a client that may not call the method
  kCount
};
std::string_view to_string(Rejection rejection);

// Protocol of a connection (label `protocol`).
enum class Protocol : std::uint8_t { unknown, stream, header, http, websocket, kCount };
std::string_view to_string(Protocol protocol);

// Every way in which a connection can end (label `reason` of sluice_connections_closed_total).
enum class CloseReason : std::uint8_t {
  finished,  // the client ended its side and has all its responses
  reset,     // peer reset, or a failed write
  idle_timeout,
  message_timeout,
  write_timeout,
  output_full,      // the client doesn't read its responses
  message_too_big,  // and its end is not in sight
  framing_lost,     // broken headers or frames: the next message can't be found
  tls_required,     // no TLS where it is required
  tls_failed,       // the handshake failed, or took too long
  tls_flood,        // too many TLS records without data
  connection_limit,
  descriptor_limit,
  draining,
  stopped,     // the server stopped at once
  overloaded,  // connections exceed max_memory, and this one holds most, or came while memory was short
  unproven,    // sent too much without authentication
  peer_limit,  // its peer has too many connections
  kCount,
};
std::string_view to_string(CloseReason reason);

// What became of a call's note (label `fate` of sluice_notes_total).
enum class NoteFate : std::uint8_t {
  sent,
  replaced,  // by a newer one with the same key
  dropped,   // too many waited, or the client is gone
  kCount
};
std::string_view to_string(NoteFate fate);

// Identity of a method in the metrics. Lives as long as Metrics; each name has one.
struct MethodMetrics {
  std::string name;
  std::size_t slot = 0;
  std::atomic<std::size_t> in_flight{0};
  std::atomic<bool> has_permits{false};  // false: only a name under a route, which has its calls in flight
};

// One method's counts on one thread.
class MethodShard {
 public:
  static constexpr std::size_t kCodesMax = 24;  // different error codes; further ones count as "other"

  // `code`: 0 for a result, else the error's.
  void count(std::int64_t code);
  DurationHistogram queue_time;
  DurationHistogram run_time;

  // Size of its last reply, if that was large, with a byte to end the line; else 0. For the next reply's
  // buffer. For the thread itself only.
  std::size_t large_reply_bytes = 0;

  // Mean of calls that were dispatched to workers or backends. For the thread itself only.
  MeanTime mean_run_time;

  // Calls `visit(label, count)` for each code seen.
  void for_each_code(const std::function<void(const std::string&, std::uint64_t)>& visit) const;

 private:
  struct CodeCount {
    SingleWriter<std::int64_t> code;  // 0: free
    SingleWriter<std::uint64_t> count;
  };
  SingleWriter<std::uint64_t> ok_;
  std::array<CodeCount, kCodesMax> codes_;
  SingleWriter<std::uint64_t> other_;
};

// Counters of one I/O thread. Only that thread calls the counting members; any thread may read values.
class MetricsShard {
 public:
  // The method's counts, created at its first call on this thread.
  MethodShard& method(const MethodMetrics& method);
  // Returns the method's counts, or null before its first call on this thread.
  MethodShard* find(const MethodMetrics& method) const {
    // Only this thread changes the vector, so that it may read without the lock.
    return method.slot < methods_.size() ? methods_[method.slot].get() : nullptr;
  }

  void count_returned(std::chrono::nanoseconds queued, std::chrono::nanoseconds ran) {
    returned.add(1);
    queued_ns.add(static_cast<std::uint64_t>(queued.count()));
    ran_ns.add(static_cast<std::uint64_t>(ran.count()));
  }

  std::array<SingleWriter<std::uint64_t>, static_cast<std::size_t>(Rejection::kCount)> rejected;
  std::array<SingleWriter<std::uint64_t>, static_cast<std::size_t>(Protocol::kCount)> connections_total;
  std::array<SingleWriter<std::int64_t>, static_cast<std::size_t>(Protocol::kCount)> connections_now;
  std::array<SingleWriter<std::uint64_t>, static_cast<std::size_t>(CloseReason::kCount)> closed;
  std::array<SingleWriter<std::uint64_t>, static_cast<std::size_t>(NoteFate::kCount)> notes;
  // Of calls that were dispatched: how many have ended, and the sums of their waiting and run times.
  SingleWriter<std::uint64_t> returned;
  SingleWriter<std::uint64_t> queued_ns;
  SingleWriter<std::uint64_t> ran_ns;
  SingleWriter<std::uint64_t> received_bytes;
  SingleWriter<std::uint64_t> sent_bytes;
  SingleWriter<std::int64_t> abandoned;  // handlers that run on after their client is gone

  // Calls `visit(slot, shard)` for each method that was called on this thread. Any thread.
  void for_each_method(const std::function<void(std::size_t, const MethodShard&)>& visit) const;

 private:
  mutable std::mutex mutex_;  // guards the vector's growth against readers, not the counts
  std::vector<std::unique_ptr<MethodShard>> methods_;
};

// All shards and methods. Thread-safe.
class Metrics {
 public:
  explicit Metrics(std::size_t shards);

  // The entry of the method of that name, created if it is new.
  MethodMetrics& method(std::string_view name);
  MethodMetrics& unknown() { return *unknown_; }  // for unknown methods
  MethodMetrics& invalid() { return *invalid_; }  // for messages that are not calls

  MetricsShard& shard(std::size_t index) { return *shards_[index]; }
  const std::vector<std::unique_ptr<MetricsShard>>& shards() const { return shards_; }
  std::vector<const MethodMetrics*> methods() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<MethodMetrics>> methods_;
  std::unordered_map<std::string_view, MethodMetrics*> by_name_;
  std::vector<std::unique_ptr<MetricsShard>> shards_;
  MethodMetrics* unknown_;
  MethodMetrics* invalid_;
};

}  // namespace sluice::core
