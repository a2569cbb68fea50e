// Fan-out: one call's work on several threads.
#pragma once

#include <cstddef>
#include <functional>
#include <iterator>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <vector>

#include <sluice/result_value.hpp>
#include <sluice/service/task_pool.hpp>
#include <sluice/service/wait_limit.hpp>

namespace sluice {

namespace detail {

// Runs `step` for every index below `count`, on the calling thread and on at most `width` - 1 threads of the
// pool, until all have run or one has failed. Returns the first error, if any; throws the first exception.
std::optional<Error> fan_out_steps(
    TaskPool& helpers, std::size_t count, std::size_t width, const WaitLimit& limit,
    const std::function<std::optional<Error>(std::size_t index, const std::stop_token& stop)>& step);

template <typename Function, typename Input>
decltype(auto) apply_step(Function& function, const Input& input, const std::stop_token& stop) {
  if constexpr (std::is_invocable_v<Function&, const Input&, const std::stop_token&>) {
    return function(input, stop);
  } else {
    return function(input);
  }
}

}  // namespace detail

// Calls `function` once for each of `inputs` (a random-access range), at most `width` at the same time, and
// returns the results in the order of the inputs. It is called as function(input) or function(input, stop),
// from several threads at once, and returns a value or a Result. The first error is the result; the first
// exception is thrown. After either, and at the limit, no more inputs begin, the stop token is stopped, and
// running ones are waited for. A deadline alone does not stop the token.
//
// The calling thread takes part, and the pool's free threads help. So any number of calls may wait for one
// pool, even within each other, without a deadlock. Throws std::bad_alloc.
template <typename Inputs, typename Function>
auto fan_out(TaskPool& helpers, const Inputs& inputs, std::size_t width, const WaitLimit& limit,
             Function function) {
  using Input = std::remove_cvref_t<decltype(*std::begin(inputs))>;
  using Output = std::remove_cvref_t<decltype(detail::apply_step(function, std::declval<const Input&>(),
                                                                 std::declval<const std::stop_token&>()))>;
  using Value = detail::ResultValueType<Output>;
  static_assert(!std::is_void_v<Value>, "the function has to give a value");

  std::vector<std::optional<Value>> slots(std::size(inputs));
  const auto step = [&](std::size_t index, const std::stop_token& stop) -> std::optional<Error> {
    const auto input = std::begin(inputs) + static_cast<std::ptrdiff_t>(index);
    Result<Value> result = detail::apply_step(function, *input, stop);
    if (!result.ok()) return std::move(result.error());
    slots[index].emplace(std::move(result.value()));
    return std::nullopt;
  };
  std::optional<Error> error = detail::fan_out_steps(helpers, slots.size(), width, limit, step);
  if (error) return Result<std::vector<Value>>(std::move(*error));

  std::vector<Value> values;
  values.reserve(slots.size());
  for (std::optional<Value>& slot : slots) values.push_back(std::move(*slot));
  return Result<std::vector<Value>>(std::move(values));
}

}  // namespace sluice
