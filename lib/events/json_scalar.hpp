// JSON scalar: a string, number, boolean or null, compared by value.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::core {

// 1 equals 1.0 and 10e-1, however many digits they have; "a" equals "\u0061". Immutable.
class JsonScalar {
 public:
  // Nothing if the value is an object or an array. `value` is valid JSON text without white space around it.
  static std::optional<JsonScalar> read(std::string_view value);

  // Whether the value is the same scalar. `value` as above.
  bool equals(std::string_view value) const;
  // The same text for equal scalars, and another one for different ones.
  const std::string& canonical() const { return canonical_; }

  bool operator==(const JsonScalar&) const = default;

 private:
  explicit JsonScalar(std::string canonical) : canonical_(std::move(canonical)) {}

  std::string canonical_;
};

}  // namespace sluice::core
