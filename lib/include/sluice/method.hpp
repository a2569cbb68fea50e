// Method: a handler with its options and its description.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/call.hpp>
#include <sluice/error.hpp>
#include <sluice/json.hpp>

namespace sluice {

namespace core {
class AsyncHandler;
}

enum class HandlerKind : std::uint8_t {
  blocking,   // runs on a worker, and may block
  inline_io,  // runs on the I/O thread, between reading and writing: under ~10 us, and must never block
  async,      // a coroutine on the I/O thread (sluice/async.hpp)
  in_line [[deprecated("inline_io")]] = inline_io,
};

// Copies of the options copy the deprecated one as well.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
struct MethodOptions {
  // Replaces the server's call_timeout; shorter or longer.
  std::optional<std::chrono::milliseconds> timeout = std::nullopt;
  // Calls of this method in flight; another one is refused with -32009 `method_busy`. 0: no limit of its own.
  std::size_t max_concurrent = 0;
  // Run on the I/O thread (HandlerKind::inline_io). Ignored for coroutines.
  bool inline_io = false;
  [[deprecated("inline_io")]] bool in_line = false;
  // One line for rpc.discover.
  std::string summary = {};

  // The kind of a handler that is not a coroutine.
  HandlerKind kind() const { return inline_io || in_line ? HandlerKind::inline_io : HandlerKind::blocking; }
};
#pragma GCC diagnostic pop

// Works on JSON text: params as they were sent (empty: absent). The handler appends exactly one JSON value to
// `result`. Called from several threads at once.
using TextHandler =
    std::function<std::optional<Error>(Call& call, std::string_view params, std::string& result)>;

struct ParamDescription {
  std::string name;
  Json schema = Json::object();
  bool required = true;
};

// A complete method, as the registry keeps it and rpc.discover shows it.
struct MethodSpec {
  std::string name;
  HandlerKind kind = HandlerKind::blocking;
  TextHandler handler = {};                        // blocking and inline_io
  std::shared_ptr<core::AsyncHandler> async = {};  // async
  MethodOptions options = {};
  std::vector<ParamDescription> params = {};
  Json result_schema = Json::object();
};

}  // namespace sluice
