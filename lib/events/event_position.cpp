#include "lib/events/event_position.hpp"

#include <optional>

#include "lib/base/hex_digit.hpp"

namespace sluice::core {
namespace {

constexpr std::size_t kDigits = 16;

std::optional<std::uint64_t> read_hex16(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char digit : digits) {
    const int read = hex_value(digit);
    if (read < 0) return std::nullopt;
    value = value << 4 | static_cast<std::uint64_t>(read);
  }
  return value;
}

}  // namespace

void write_hex16(char* out, std::uint64_t value) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (std::size_t i = kDigits; i-- > 0; value >>= 4) out[i] = kHex[value & 15];
}

std::string epoch_text(std::uint64_t epoch) {
  std::string text(kDigits, '0');
  write_hex16(text.data(), epoch);
  return text;
}

Result<EventPosition, EventPosition::Invalid> EventPosition::parse(std::string_view text) {
  if (text.size() != kTextBytes || text[kDigits] != '-') return Invalid{};
  const auto epoch = read_hex16(text.substr(0, kDigits));
  const auto sequence = read_hex16(text.substr(kDigits + 1));
  if (!epoch || !sequence) return Invalid{};
  return EventPosition{*epoch, *sequence};
}

std::string EventPosition::to_string() const {
  std::string text(kTextBytes, '-');
  write_hex16(text.data(), epoch);
  write_hex16(text.data() + kDigits + 1, sequence);
  return text;
}

}  // namespace sluice::core
