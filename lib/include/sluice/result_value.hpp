// Result value: the value type of a callable that may return a Result.
#pragma once

#include <sluice/error.hpp>

namespace sluice::detail {

// T for Result<T>; otherwise the returned type itself.
template <typename T>
struct ResultValue {
  using Type = T;
};
template <typename T>
struct ResultValue<Result<T>> {
  using Type = T;
};
template <typename T>
using ResultValueType = typename ResultValue<T>::Type;

}  // namespace sluice::detail
