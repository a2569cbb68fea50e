// Call log: lines about the calls and clients of one I/O thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "lib/call/active_call.hpp"
#include "lib/observe/access_log.hpp"
#include "lib/worker/io_thread.hpp"

namespace sluice::core {

// Out of memory, a line is left out; no member throws. I/O thread only.
class CallLog {
 public:
  explicit CallLog(IoThread& io) : io_(io) {}

  // A call has its answer, and still its owner: the one line about it.
  void answered(const ActiveCall& call, std::int64_t code, std::size_t reply_bytes) noexcept {
    // Where a handler may be running, its outcome is not to be looked at.
    const bool ran = call.stage == ActiveCall::Stage::ended && call.ran;
    const auto took = (ran ? call.finished : io_.now()) - call.received;
    const auto level = access_level(code, took, io_.limits.slow_call);
    if (log_enabled(level)) write(level, call, code, took, reply_bytes, ran);
  }

  // A handler has returned after its call was answered (time limit or cancellation).
  void returned_late(const ActiveCall& call) noexcept {
    if (log_enabled(spdlog::level::debug)) write_late(call);
  }

  // A token was refused because of `why`, in the call `id` of `method`, if in a call. Logged at a higher
  // level than a forbidden call, since it may be a guessing attack.
  void token_refused(std::string_view why, std::string_view method, std::string_view id,
                     std::string_view peer) noexcept;
  // `subject` is that of a verified certificate, in the spelling of the configuration.
  void certificate_unknown(std::string_view subject, std::string_view peer) noexcept;

 private:
  void write(spdlog::level::level_enum level, const ActiveCall& call, std::int64_t code,
             std::chrono::nanoseconds took, std::size_t reply_bytes, bool ran) noexcept;
  void write_late(const ActiveCall& call) noexcept;
  void note(std::string_view message, std::span<const LogField> fields) noexcept;
  void report_in_time();

  // Reports what was left out, once its second is over.
  struct Report final : Deadline {
    explicit Report(CallLog& of) : log(of) {}
    void on_deadline(TimePoint now) override;
    CallLog& log;
  };

  IoThread& io_;
  AccessLog lines_;
  Report report_{*this};
};

}  // namespace sluice::core
