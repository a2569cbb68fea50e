// Value of a hexadecimal digit.
#pragma once

namespace sluice::core {

// Negative if the character is not a hexadecimal digit.
constexpr int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

}  // namespace sluice::core
