#include "lib/backend/child/stderr_log.hpp"

#include "lib/observe/log.hpp"

namespace sluice::core {

void StderrLog::stderr_line(std::string_view label, std::string_view line, TimePoint now) {
  if (may_log(label, now)) spdlog::info("{}: {}", label, printable(line));
}

void StderrLog::misbehaved(std::string_view label, std::string_view what, std::string_view text,
                           TimePoint now) {
  if (may_log(label, now)) spdlog::warn("{}: {}: {}", label, what, printable(text));
}

void StderrLog::finish(std::string_view label) {
  if (left_out_ > 0) spdlog::warn("{}: {} more lines were not logged", label, left_out_);
  left_out_ = 0;
}

bool StderrLog::may_log(std::string_view label, TimePoint now) {
  if (now - second_ >= std::chrono::seconds(1)) {
    finish(label);
    second_ = now;
    lines_ = 0;
  }
  if (lines_ < kLinesMax) {
    ++lines_;
    return true;
  }
  ++left_out_;
  return false;
}

}  // namespace sluice::core
