// Session statistics: counters and log lines beside those of calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/observe/metrics.hpp"
#include "lib/rpc/call_log.hpp"
#include "proto/request.hpp"

namespace sluice::core {

// For messages of one I/O thread's sessions that never become calls. I/O thread only.
class SessionStats {
 public:
  SessionStats(MetricsShard& shard, Metrics& metrics, CallLog& log)
      : shard_(shard), metrics_(metrics), log_(log) {}

  // A message that is not a call was answered with the error. Throws std::bad_alloc.
  void count_invalid(std::int64_t code) { shard_.method(metrics_.invalid()).count(code); }
  // A control method was answered. Throws std::bad_alloc.
  void count_control(const proto::Request& request, std::int64_t code) {
    shard_.method(metrics_.method(request.method)).count(code);
  }
  // A token was shown and refused. Neither throws.
  void count_refused_token() { shard_.rejected[static_cast<std::size_t>(Rejection::unauthenticated)].add(1); }
  void log_refused_token(std::string_view why, std::string_view method, std::string_view id,
                         std::string_view peer) {
    log_.token_refused(why, method, id, peer);
  }
  // No client has the certificate with this subject. Does not throw.
  void certificate_unknown(std::string_view subject, std::string_view peer) {
    log_.certificate_unknown(subject, peer);
  }

 private:
  MetricsShard& shard_;
  Metrics& metrics_;
  CallLog& log_;
};

}  // namespace sluice::core
