#include "lib/service/chance_and_time.hpp"

#include <condition_variable>
#include <mutex>
#include <random>

namespace sluice::core {

std::uint64_t random_bits() {
  thread_local std::mt19937_64 engine{std::random_device{}()};
  return engine();
}

void sleep_until(TimePoint until, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_until(lock, stop, until, [] { return false; });
}

}  // namespace sluice::core
