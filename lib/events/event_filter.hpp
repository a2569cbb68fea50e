// Event filter: scalars that an event's data must have at some JSON pointers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/events/json_pointer.hpp"
#include "lib/events/json_scalar.hpp"
#include "proto/error.hpp"

namespace sluice::core {

inline constexpr std::size_t kFilterConditionsMax = 8;
inline constexpr std::size_t kFilterPointerBytesMax = 1024;
inline constexpr std::size_t kFilterScalarBytesMax = 1024;

// All conditions must hold; a missing value meets none. Immutable.
class EventFilter {
 public:
  // Without conditions: matches everything.
  EventFilter() = default;

  // `json` is the option's value, valid JSON text. Errors (-32602) name `path`, a JSON pointer to it.
  static Result<EventFilter, proto::Error> parse(std::string_view json, std::string_view path);

  // `data` is valid JSON text. Throws std::bad_alloc.
  bool matches(std::string_view data) const;

  bool empty() const { return conditions_.empty(); }

 private:
  struct Condition {
    JsonPointer pointer;
    JsonScalar value;
  };

  std::vector<Condition> conditions_;
};

}  // namespace sluice::core
