// Pipeline: work in stages on threads of their own, connected by bounded channels.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include <sluice/result_value.hpp>
#include <sluice/service/channel.hpp>
#include <sluice/service/wait_limit.hpp>

namespace sluice {

struct StageOptions {
  std::size_t width = 1;     // threads that run it; with several, values may overtake each other
  std::size_t capacity = 8;  // values that may wait behind it; when they are full, it waits itself
};

// A source, stages and a drain, created and used by one thread:
//
//   Pipeline pipeline(call);
//   auto& lines = pipeline.source({}, [&] { return file.next_line(); });        // optional<string>
//   auto& sums = pipeline.stage(lines, {.width = 4}, [](std::string line) { return checksum(line); });
//   if (auto error = pipeline.drain(sums, [&](Sum sum) { all.push_back(sum); })) return *error;
//
// With width 1 the order is kept. A slow stage slows those before it (backpressure). Functions return a value
// or a Result. The first error or exception, or the limit, ends the pipeline: no function is called again,
// and drain() returns the reason. The destructor also ends it and joins the threads, so that functions may
// use objects that outlive the pipeline. A long function should check stop_token().
class Pipeline {
 public:
  static constexpr std::size_t kThreadsMax = 64;

  explicit Pipeline(const WaitLimit& limit);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Starts one thread that calls `produce` until it returns nothing: it returns a std::optional or a Result
  // of one. The returned channel lives as long as the pipeline. Throws std::system_error if the system can't
  // create a thread, and std::length_error beyond kThreadsMax; the pipeline has ended then.
  template <typename Function>
  auto& source(const StageOptions& options, Function produce);

  // Starts the stage's threads, which call `function` with every value from `in`. Several threads call it at
  // once.
  template <typename In, typename Function>
  auto& stage(Channel<In>& in, const StageOptions& options, Function function);

  // Calls `consume` with every value from `in`, on the calling thread. It returns nothing, or an optional
  // error. drain() returns after all values, or with the error that ended the pipeline. An exception that
  // ended the pipeline is thrown here.
  template <typename In, typename Function>
  std::optional<Error> drain(Channel<In>& in, Function consume);

  // Stopped when the pipeline ends early, for any reason.
  std::stop_token stop_token() const { return limit_.stop; }

 private:
  struct State;

  template <typename T>
  Channel<T>& add_channel(std::size_t capacity) {
    auto channel = std::make_shared<Channel<T>>(capacity);
    Channel<T>& made = *channel;
    keep(std::move(channel));
    return made;
  }
  // Passes the values of `in` to `each`, one after the other, until there are no more, `each` returns false
  // or the pipeline ends.
  template <typename In, typename Each>
  void for_each(Channel<In>& in, Each each);
  template <typename Out>
  bool push(Channel<Out>& out, Result<Out> value);

  void keep(std::shared_ptr<void> channel);
  // Runs `body` on `width` threads, and `last` on the one that ends last.
  void start(std::size_t width, std::function<void()> body, std::function<void()> last);
  // True while the pipeline goes on. Ends the pipeline at its limit.
  bool going();
  // Ends the pipeline because of the limit, an error, or an exception. The first reason counts.
  void fail_at_limit();
  void fail(Error error);
  void fail(std::exception_ptr exception);
  std::optional<Error> outcome();

  std::unique_ptr<State> state_;
  WaitLimit limit_;  // also stopped with the pipeline
};

template <typename Function>
auto& Pipeline::source(const StageOptions& options, Function produce) {
  using Next = detail::ResultValueType<std::invoke_result_t<Function&>>;
  using Out = typename Next::value_type;
  Channel<Out>& out = add_channel<Out>(options.capacity);
  auto shared = std::make_shared<Function>(std::move(produce));
  const auto body = [this, &out, shared] {
    while (going()) {
      Result<Next> next = (*shared)();
      if (!next.ok()) return fail(std::move(next.error()));
      if (!next.value() || !push<Out>(out, std::move(*next.value()))) return;
    }
  };
  start(1, body, [&out] { out.close(); });
  return out;
}

template <typename In, typename Function>
auto& Pipeline::stage(Channel<In>& in, const StageOptions& options, Function function) {
  using Out = detail::ResultValueType<std::invoke_result_t<Function&, In>>;
  Channel<Out>& out = add_channel<Out>(options.capacity);
  auto shared = std::make_shared<Function>(std::move(function));
  const auto body = [this, &in, &out, shared] {
    for_each(in, [&](In& value) { return push<Out>(out, (*shared)(std::move(value))); });
  };
  start(options.width, body, [&out] { out.close(); });
  return out;
}

template <typename In, typename Function>
std::optional<Error> Pipeline::drain(Channel<In>& in, Function consume) {
  try {
    for_each(in, [&](In& value) {
      if constexpr (std::is_void_v<std::invoke_result_t<Function&, In>>) {
        consume(std::move(value));
      } else {
        if (std::optional<Error> error = consume(std::move(value))) fail(std::move(*error));
      }
      return true;
    });
  } catch (...) {
    fail(std::current_exception());
  }
  return outcome();
}

template <typename In, typename Each>
void Pipeline::for_each(Channel<In>& in, Each each) {
  while (going()) {
    Received<In> received = in.pop(limit_);
    if (received.status == ChannelStatus::closed) return;
    if (!received) return fail_at_limit();
    if (!each(*received)) return;
  }
}

template <typename Out>
bool Pipeline::push(Channel<Out>& out, Result<Out> value) {
  if (!value.ok()) {
    fail(std::move(value.error()));
    return false;
  }
  if (out.push(std::move(value.value()), limit_) == ChannelStatus::ok) return true;
  fail_at_limit();
  return false;
}

}  // namespace sluice
