// A module whose inline method burns a known time of CPU: its clients always keep the I/O thread busy.
#include <ctime>

#include <cstdint>
#include <vector>

#include <sluice/module.hpp>

namespace {

constexpr std::int64_t kSpinNs = 25'000;  // measure/rows/share.py counts with the same

std::int64_t own_cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// CPU time, because a thread that waits for its core does no work.
bool spin() {
  const std::int64_t end = own_cpu_ns() + kSpinNs;
  while (own_cpu_ns() < end) {
  }
  return true;
}

std::vector<sluice::MethodSpec> methods() {
  return {sluice::typed_method("bench.spin_inline", {}, spin, {.inline_io = true})};
}

}  // namespace

SLUICE_MODULE(methods);
