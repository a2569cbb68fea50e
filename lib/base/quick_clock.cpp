#include "lib/base/quick_clock.hpp"

#include <fstream>
#include <string>

namespace sluice::core {

bool ProcessorTime::has_ticks() {
#if defined(__x86_64__)
  static const bool told_by_ticks = [] {
    std::ifstream file("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    std::string source;
    return std::getline(file, source) && source == "tsc";
  }();
  return told_by_ticks;
#else
  return false;
#endif
}

}  // namespace sluice::core
