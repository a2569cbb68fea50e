// Number text: numbers from and to their JSON text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::core {

// Whether the text of a JSON value is a number.
bool is_number(std::string_view text);

// Whether a number's text is written as an integer, without fraction and exponent.
bool is_plain_integer(std::string_view number);

// The value as plain digits ("-15" for "-1.50e1") if it is an integer of at most 20 digits. The text must be
// a number.
std::optional<std::string> integer_digits(std::string_view number);

// Nothing if the text is not a number, or is infinite as a T. A value that is too small becomes zero.
template <typename T>
std::optional<T> read_float(std::string_view text);

// Appends the shortest text that reads back as the same number. The value must be finite.
template <typename T>
void append_number(std::string& out, T value);

}  // namespace sluice::core
