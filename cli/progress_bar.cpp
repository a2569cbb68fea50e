#include "cli/progress_bar.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

namespace sluice::client {
namespace {

constexpr auto kDrawEvery = std::chrono::milliseconds(200);
constexpr double kBarWidth = 30;

double seconds_of(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

ProgressBar::ProgressBar(TimePoint begin, TimePoint end)
    : begin_(begin),
      end_(end),
      next_(begin + kDrawEvery),
      drawn_(begin),
      shown_(isatty(STDERR_FILENO) != 0) {}

ProgressBar::~ProgressBar() {
  if (shown_) std::fputs("\r\033[K", stderr);
}

void ProgressBar::draw(TimePoint now, std::uint64_t answered) {
  const double rate = static_cast<double>(answered - answered_) / seconds_of(now - drawn_);
  const double share = std::clamp(seconds_of(now - begin_) / seconds_of(end_ - begin_), 0.0, 1.0);
  std::string bar(static_cast<std::size_t>(kBarWidth), ' ');
  std::fill_n(bar.begin(), static_cast<std::size_t>(share * kBarWidth), '=');
  std::fprintf(stderr, "\r[%s] %3.0f%%  %.0f replies/s\033[K", bar.c_str(), 100 * share, rate);
  answered_ = answered;
  drawn_ = now;
  next_ = now + kDrawEvery;
}

}  // namespace sluice::client
