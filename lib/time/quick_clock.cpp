#include "lib/time/quick_clock.hpp"

#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace sluice::core {
namespace {

// Does not throw or allocate: the first caller may be unable to handle either.
[[maybe_unused]] bool kernel_counts_ticks() noexcept {
  const int file =
      ::open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  char name[16];
  const ssize_t bytes = ::read(file, name, sizeof name);
  ::close(file);
  return bytes > 0 && std::string_view(name, static_cast<std::size_t>(bytes)) == "tsc\n";
}

}  // namespace

bool ProcessorTime::has_ticks() {
#if defined(__x86_64__)
  static const bool counts = kernel_counts_ticks();
  return counts;
#else
  return false;
#endif
}

}  // namespace sluice::core
