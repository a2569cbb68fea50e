#include "lib/api/number_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace sluice::core {
namespace {

// 64 bits need no more digits.
constexpr std::int64_t kDigitsMax = 20;
// Text of any int64, uint64 or shortest double. A double without exponent has few trailing zeros, since
// to_chars uses an exponent if that is shorter.
constexpr std::size_t kNumberBytesMax = 32;

// A number as sign, significant digits (without leading and trailing zeros; empty for zero) and the position
// of the point, counted from before the first digit: 1500 and 1.5e3 are both "15" with the point at 4.
struct Decimal {
  bool negative = false;
  std::string digits;
  std::int64_t point = 0;
};

// Exponents are clamped beyond any double's, so that adding a text's length can't overflow.
std::int64_t exponent_of(std::string_view text) {
  constexpr std::int64_t kBeyond = std::int64_t{1} << 40;
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t exponent = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (read.ec != std::errc{}) return text.starts_with('-') ? -kBeyond : kBeyond;
  return std::clamp(exponent, -kBeyond, kBeyond);
}

Decimal decimal_of(std::string_view text) {
  Decimal decimal;
  decimal.negative = text.starts_with('-');
  if (decimal.negative) text.remove_prefix(1);
  const std::size_t e = std::min(text.find_first_of("eE"), text.size());
  const std::string_view mantissa = text.substr(0, e);
  const std::size_t dot = std::min(mantissa.find('.'), mantissa.size());
  decimal.digits = mantissa.substr(0, dot);
  if (dot < mantissa.size()) decimal.digits += mantissa.substr(dot + 1);
  decimal.point = static_cast<std::int64_t>(dot) + (e < text.size() ? exponent_of(text.substr(e + 1)) : 0);

  const std::size_t zeros = std::min(decimal.digits.find_first_not_of('0'), decimal.digits.size());
  decimal.digits.erase(0, zeros);
  decimal.point -= static_cast<std::int64_t>(zeros);
  decimal.digits.erase(decimal.digits.find_last_not_of('0') + 1);
  return decimal;
}

}  // namespace

bool is_number(std::string_view text) {
  return !text.empty() && (text.front() == '-' || (text.front() >= '0' && text.front() <= '9'));
}

bool is_plain_integer(std::string_view number) {
  // find_first_of() would call memchr() for each digit.
  return is_number(number) &&
         std::ranges::none_of(number, [](char c) { return c == '.' || c == 'e' || c == 'E'; });
}

std::optional<std::string> integer_digits(std::string_view number) {
  Decimal decimal = decimal_of(number);
  if (decimal.digits.empty()) return "0";
  if (decimal.point > kDigitsMax || decimal.point < static_cast<std::int64_t>(decimal.digits.size()))
    return std::nullopt;
  decimal.digits.resize(static_cast<std::size_t>(decimal.point), '0');
  return (decimal.negative ? "-" : "") + decimal.digits;
}

template <typename T>
std::optional<T> read_float(std::string_view text) {
  if (!is_number(text)) return std::nullopt;
  T value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec == std::errc{}) return value;
  // from_chars reports the same error for numbers that are too large and too small.
  if (decimal_of(text).point > 0) return std::nullopt;
  return text.front() == '-' ? T{-0.0} : T{0};
}

template <typename T>
void append_number(std::string& out, T value) {
  char text[kNumberBytesMax];
  const auto written = std::to_chars(text, text + sizeof text, value);
  out.append(text, written.ptr);
}

template std::optional<float> read_float<float>(std::string_view);
template std::optional<double> read_float<double>(std::string_view);
template void append_number<std::int64_t>(std::string&, std::int64_t);
template void append_number<std::uint64_t>(std::string&, std::uint64_t);
template void append_number<float>(std::string&, float);
template void append_number<double>(std::string&, double);

}  // namespace sluice::core
