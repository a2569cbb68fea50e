// Handlers that hold no thread while they wait.
#pragma once

#include <optional>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "lib/call/active_call.hpp"

namespace sluice::core {

// Starts the work of a call and returns at once. I/O thread only.
class AsyncHandler {
 public:
  virtual ~AsyncHandler() = default;

  // Composes the call's outcome when it is done and then gives it back with end_async(), exactly once, on any
  // thread. Throws std::bad_alloc where nothing has been begun.
  virtual void start(ActiveCall& call, boost::asio::io_context& context) = 0;

  // The call has been answered without it, and its cancellation requested: it is to be given back as soon as
  // may be. It may have been already, by another thread.
  virtual void stop(ActiveCall&) noexcept {}

  // Whether its calls take no places, and are refused for no limit: a look at the server has to be possible
  // when it is full. Bounds them itself.
  virtual bool exempt() const { return false; }

  // The backend that serves its calls, for operators; empty: none.
  virtual std::string_view backend() const { return {}; }

  // Where its calls are counted, beside method and client; lives as long as the handler.
  virtual ConcurrencyLimit concurrency_limit() { return {}; }

  // How long a caller that was refused for its places, or its method's, might wait for one; nothing: its
  // calls run at the server's own pace.
  virtual std::optional<milliseconds> expected_wait_approx() const { return std::nullopt; }
};

// The call is as done as it will be: it goes back to its I/O thread. Any thread.
void end_async(ActiveCall& call);

}  // namespace sluice::core
