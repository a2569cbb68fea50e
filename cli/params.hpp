// Params of a call, from words of the command line.
#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <string_view>

#include "cli/result.hpp"

namespace sluice::client {

// The JSON text of params from the words after METHOD:
//   nothing        no params (empty text)
//   {...} or [...] that text, unchanged
//   key=value ...  an object; a value that is JSON goes in as it is, else as a string
//   value ...      an array, its values likewise
//   -              JSON read from `input` up to its end
// Errors: usage, saying where the text stops being JSON or which word does not fit.
Result<std::string> params_from_words(std::span<const std::string> words, std::istream& input);

// Checks a text that was given as params: valid JSON and an array or object.
Result<std::string> check_params(std::string_view text);

}  // namespace sluice::client
