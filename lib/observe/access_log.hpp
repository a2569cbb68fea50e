// Access log: one line a call, with its client, outcome and times.
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

// Data of a call's line. Views are used only while the line is written.
struct AccessEntry {
  struct Run {
    std::chrono::nanoseconds queue{0};
    std::chrono::nanoseconds run{0};
  };
  std::string_view method;
  std::string_view id;           // JSON text; empty for a notification
  std::string_view client;       // empty if not known
  std::string_view peer;         // likewise
  std::string_view traceparent;  // as the client sent it
  std::int64_t code = 0;         // 0: a result
  std::chrono::nanoseconds took{0};
  std::optional<Run> ran;         // if the handler has run to its end
  std::size_t request_bytes = 0;  // size of its message, or of its entry in a batch
  std::size_t reply_bytes = 0;
};

// Log level of a call with this error.
spdlog::level::level_enum error_level(std::int64_t code);

// Log level of a call: `warn` for a slow one, `info` for one that failed by no fault of its client (-32603,
// -32002, -32013), else `debug`.
inline spdlog::level::level_enum access_level(std::int64_t code, std::chrono::nanoseconds took,
                                              std::chrono::nanoseconds slow_call) {
  if (took >= slow_call) return spdlog::level::warn;
  return code == 0 ? spdlog::level::debug : error_level(code);
}

// Writes the lines of one I/O thread. Lines of slow and failed calls are limited, since clients decide how
// many there are. Omitted lines are counted and reported. Not thread-safe; time is passed in.
class AccessLog {
 public:
  static constexpr std::uint32_t kLinesPerSecond = 100;  // of slow and failed calls

  // Costs one comparison if lines of that level are not logged. Throws std::bad_alloc.
  void write(spdlog::level::level_enum level, const AccessEntry& entry, TimePoint now) {
    if (log_enabled(level)) write_line(level, entry, now);
  }

  // Logs the late end of a handler whose call was answered before; at debug. Throws std::bad_alloc.
  static void write_late(const AccessEntry& entry);

  // Logs a line about the caller, limited like the others. Empty values are left out. Throws std::bad_alloc.
  void note(std::string_view message, std::span<const LogField> fields, TimePoint now);

  // Whether one more line about a slow or failed call is to be written now; counts it either way.
  bool within_bounds(TimePoint now);
  // When report() is due; nothing if no line was omitted.
  std::optional<TimePoint> report_due() const;
  // Logs how many lines were omitted, if any. Throws std::bad_alloc.
  void report(TimePoint now);

 private:
  void write_line(spdlog::level::level_enum level, const AccessEntry& entry, TimePoint now);

  TimePoint second_;  // start of the current second
  std::uint32_t lines_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace sluice::core
