#include "daemon/demo/methods.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "daemon/demo/sum.hpp"
#include "lib/include/sluice/typed.hpp"

namespace sluice::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// An hour at most, so that a client's error does not occupy a worker for longer.
using Milliseconds = Within<0, 3'600'000>;

std::optional<Error> echo(Call&, std::string_view params, std::string& result) {
  result += params.empty() ? "null" : params;
  return std::nullopt;
}

// False if it was stopped before the time was over.
bool wait(std::stop_token stop, milliseconds time) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

Result<Json> sleep(Call& call, Milliseconds ms) {
  if (!wait(call.stop_token(), milliseconds(ms))) return cancelled();
  return Json{{"slept_ms", ms.value}};
}

Json hang(Milliseconds ms) {
  std::this_thread::sleep_for(milliseconds(ms));
  return Json{{"slept_ms", ms.value}};
}

Result<Json> spin(Call& call, Milliseconds ms) {
  const auto end = steady_clock::now() + milliseconds(ms);
  while (steady_clock::now() < end) {
    if (call.cancelled()) return cancelled();
  }
  return Json{{"spun_ms", ms.value}};
}

Result<Json> fail(std::int64_t code, std::string message, std::optional<Json> data) {
  return Error{code, std::move(message), data ? std::move(*data) : Json(nullptr)};
}

void throw_exception() { throw std::runtime_error("demo.throw was called"); }

MethodSpec text_method(std::string name, TextHandler handler, MethodOptions options) {
  MethodSpec spec;
  spec.name = std::move(name);
  spec.kind = options.kind();
  spec.handler = std::move(handler);
  spec.options = std::move(options);
  return spec;
}

MethodSpec number_method(std::string name, TextHandler handler, std::vector<std::string> param_names,
                         std::string summary) {
  MethodSpec spec = text_method(std::move(name), std::move(handler), {.summary = std::move(summary)});
  for (std::string& param : param_names) spec.params.push_back({std::move(param), schema_of<double>()});
  spec.result_schema = schema_of<double>();
  return spec;
}

MethodSpec timed_method(std::string name, auto callable, std::string_view answer, std::string summary) {
  MethodSpec spec = typed_method(std::move(name), {"ms"}, callable, {.summary = std::move(summary)});
  spec.result_schema = {{"type", "object"},
                        {"properties", {{answer, schema_of<Milliseconds>()}}},
                        {"required", Json::array({answer})}};
  return spec;
}

}  // namespace

std::vector<MethodSpec> demo_methods() {
  return {
      text_method("demo.echo", echo, {.summary = "Answers with its params, unchanged"}),
      text_method("demo.echo_inline", echo,
                  {.inline_io = true, .summary = "demo.echo, run on the I/O thread"}),
      number_method("demo.sum", sum, {"a", "b"}, "The sum of a and b; by position, of any number of numbers"),
      number_method("demo.subtract", subtract, {"minuend", "subtrahend"}, "The difference of two numbers"),
      timed_method("demo.sleep", sleep, "slept_ms", "Waits so many milliseconds; can be cancelled"),
      timed_method("demo.hang", hang, "slept_ms", "Waits so many milliseconds, whatever happens"),
      timed_method("demo.spin", spin, "spun_ms", "Burns CPU for so many milliseconds; can be cancelled"),
      typed_method("demo.fail", {"code", "message", "data"}, fail, {.summary = "Fails with this error"}),
      typed_method("demo.throw", {}, throw_exception, {.summary = "Throws an exception"}),
  };
}

}  // namespace sluice::daemon
