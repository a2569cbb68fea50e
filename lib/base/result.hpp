// Result: a value or an error, returned by a function that may fail.
#pragma once

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/all_narrow.hpp>
#include <boost/outcome/success_failure.hpp>

namespace sluice::core {

// What a function returns that may fail in an expected way: a `T`, or an `E` that says what went wrong. Both
// convert to it; `success()` is the one without a value, where `T` is void. True on success; then it has
// value(), else error(), and to ask for the other one is a bug. The compiler warns about one that is dropped.
//
// Boost.Outcome's rather than boost::system::result, whose error() returns a copy, which may throw. C++23 has
// std::expected for it.
template <typename T, typename E>
using Result = boost::outcome_v2::basic_result<T, E, boost::outcome_v2::policy::all_narrow>;

using boost::outcome_v2::success;

}  // namespace sluice::core
