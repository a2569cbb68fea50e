// Event position: where an event stands in the sequence of all events of one run of the daemon.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace sluice::core {

// A client resumes from it. The epoch, random bits of each start, keeps positions of different runs apart.
struct EventPosition {
  // Of its text: 16 hexadecimal digits of the epoch, "-", 16 of the sequence.
  static constexpr std::size_t kTextBytes = 33;
  struct Invalid {};

  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;  // 0: before the first event

  // Digits may be upper case.
  static Result<EventPosition, Invalid> parse(std::string_view text);
  std::string to_string() const;

  bool operator==(const EventPosition&) const = default;
};

// Writes 16 digits, in lower case.
void write_hex16(char* out, std::uint64_t value);
// The text of an epoch.
std::string epoch_text(std::uint64_t epoch);

}  // namespace sluice::core
