// One line a call: who called what, how it ended, how long it took.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <spdlog/common.h>

#include "lib/observe/log.hpp"
#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// What there is to say of a call. Views need to last for the line's writing only.
struct AccessEntry {
  struct Run {
    std::chrono::nanoseconds queue{0};
    std::chrono::nanoseconds run{0};
  };
  std::string_view method;
  std::string_view id;           // JSON text; empty for a notification
  std::string_view client;       // empty where none is known
  std::string_view peer;         // likewise
  std::string_view traceparent;  // as the client sent it
  std::int64_t code = 0;         // 0: a result
  std::chrono::nanoseconds took{0};
  std::optional<Run> ran;         // where the handler has run to its end
  std::size_t request_bytes = 0;  // of its message, or its entry in a batch
  std::size_t reply_bytes = 0;
};

// How loud an error makes a call's line.
spdlog::level::level_enum error_level(std::int64_t code);

// How loud a call's line is: `warn` for a slow call, `info` for one that failed by no fault of its client
// (-32603, -32002, -32013), else `debug`.
inline spdlog::level::level_enum access_level(std::int64_t code, std::chrono::nanoseconds took,
                                              std::chrono::nanoseconds slow_call) {
  if (took >= slow_call) return spdlog::level::warn;
  return code == 0 ? spdlog::level::debug : error_level(code);
}

// Writes the lines of one I/O thread. Those of slow and failed calls are bounded, since clients decide how
// many of them there are; what is left out is counted and reported. Not thread-safe; time is passed in.
class AccessLog {
 public:
  static constexpr std::uint32_t kLinesPerSecond = 100;  // of slow and failed calls

  // Costs one comparison where lines of that level are not logged. Throws std::bad_alloc.
  void write(spdlog::level::level_enum level, const AccessEntry& entry, TimePoint now) {
    if (log_enabled(level)) write_line(level, entry, now);
  }

  // A handler has ended whose call had its answer before; at debug. Throws std::bad_alloc.
  static void write_late(const AccessEntry& entry);

  // A line about whoever calls, bounded like those; values that are empty are left out. Throws
  // std::bad_alloc.
  void note(std::string_view message, std::span<const LogField> fields, TimePoint now);

  // Whether one more line about a slow or failed call is to be written now; counts it either way.
  bool within_bounds(TimePoint now);
  // When report() has something to say; nothing where no line was left out.
  std::optional<TimePoint> report_due() const;
  // Says how many lines were left out, if any. Throws std::bad_alloc.
  void report(TimePoint now);

 private:
  void write_line(spdlog::level::level_enum level, const AccessEntry& entry, TimePoint now);

  TimePoint second_;  // when the current second began
  std::uint32_t lines_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace sluice::core
