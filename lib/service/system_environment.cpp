#include "lib/service/system_environment.hpp"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <random>

namespace sluice::core {
namespace {

std::uint64_t seed() noexcept {
  try {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
  } catch (const std::exception&) {
    // A system without a random device has a clock.
    return static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
  }
}

}  // namespace

std::uint64_t random_bits() noexcept {
  thread_local std::mt19937_64 engine(seed());
  return engine();
}

// A condition_variable_any would allocate.
void sleep_until(TimePoint until, const std::stop_token& stop) noexcept {
  std::mutex mutex;
  std::condition_variable wake;
  bool stopped = false;
  const std::stop_callback on_stop(stop, [&] {
    const std::lock_guard lock(mutex);
    stopped = true;
    wake.notify_all();
  });
  std::unique_lock lock(mutex);
  wake.wait_until(lock, until, [&] { return stopped; });
}

}  // namespace sluice::core
