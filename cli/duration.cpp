#include "cli/duration.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace sluice::client {
namespace {

constexpr double kNanosecondsMax = 100.0 * 365 * 24 * 3600 * 1e9;  // a century: far from overflow

double nanoseconds_per(std::string_view unit) {
  constexpr std::array<std::pair<std::string_view, double>, 5> kUnits{
      {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};
  for (const auto& [name, nanoseconds] : kUnits) {
    if (unit == name) return nanoseconds;
  }
  return 0;
}

}  // namespace

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  double count = 0;
  const char* const end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, count, std::chars_format::fixed);
  const double scale = nanoseconds_per(std::string_view(unit, static_cast<std::size_t>(end - unit)));
  const double total = count * scale;
  // Written so that a NaN is refused as well.
  if (error != std::errc{} || !(total >= 1 && total <= kNanosecondsMax)) {
    return usage_error("'" + std::string(text) + "' is not a duration; write a number and us, ms, s, m or h");
  }
  return std::chrono::nanoseconds(static_cast<std::int64_t>(total));
}

}  // namespace sluice::client
