#include "lib/events/json_scalar.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "proto/json_text.hpp"

namespace sluice::core {
namespace {

// Exponents are clamped, so that adding a text's length cannot overflow.
std::int64_t exponent_of(std::string_view text) {
  constexpr std::int64_t kBeyond = std::int64_t{1} << 40;
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t exponent = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (read.ec != std::errc{}) return text.starts_with('-') ? -kBeyond : kBeyond;
  return std::clamp(exponent, -kBeyond, kBeyond);
}

// Sign, significant digits, and position of the point counted from before the first one: 1500 and 1.5e3 are
// both "15e4".
std::string canonical_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t e = std::min(text.find_first_of("eE"), text.size());
  const std::string_view mantissa = text.substr(0, e);
  const std::size_t dot = std::min(mantissa.find('.'), mantissa.size());
  std::string digits(mantissa.substr(0, dot));
  if (dot < mantissa.size()) digits += mantissa.substr(dot + 1);
  auto point = static_cast<std::int64_t>(dot) + (e < text.size() ? exponent_of(text.substr(e + 1)) : 0);

  const std::size_t zeros = std::min(digits.find_first_not_of('0'), digits.size());
  digits.erase(0, zeros);
  point -= static_cast<std::int64_t>(zeros);
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.empty()) return "0";
  return (negative ? "-" : "") + digits + 'e' + std::to_string(point);
}

}  // namespace

std::optional<JsonScalar> JsonScalar::read(std::string_view value) {
  if (value.empty() || value.front() == '{' || value.front() == '[') return std::nullopt;
  const char first = value.front();
  if (first == '"') return JsonScalar('"' + proto::unescape(value.substr(1, value.size() - 2)));
  if (first == 't' || first == 'f' || first == 'n') return JsonScalar(std::string(value));
  return JsonScalar(canonical_number(value));
}

bool JsonScalar::equals(std::string_view value) const {
  const bool plain_string = value.starts_with('"') && value.find('\\') == std::string_view::npos;
  if (plain_string) return canonical_ == value.substr(0, value.size() - 1);
  const auto other = read(value);
  return other && *other == *this;
}

}  // namespace sluice::core
