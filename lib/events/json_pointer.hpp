// JSON pointer (RFC 6901): names one value within a JSON text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace sluice::core {

// Immutable.
class JsonPointer {
 public:
  struct Invalid {};

  // "" names the whole text, "/a/0" the first element of the array `a`.
  static Result<JsonPointer, Invalid> parse(std::string_view text);

  // The text of the value, or nothing if it is missing. `json` is valid JSON text. Of members of the same
  // name the last one counts.
  std::optional<std::string_view> find(std::string_view json) const;

 private:
  std::vector<std::string> tokens_;
};

// A member's name as a token of a pointer.
std::string pointer_token(std::string_view name);

}  // namespace sluice::core
