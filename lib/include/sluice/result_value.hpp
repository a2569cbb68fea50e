// What a callable gives that may return a value or a Result of one.
#pragma once

#include <sluice/error.hpp>

namespace sluice::detail {

// T of Result<T>; what a callable returns otherwise.
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
