// Async handler: completes its calls later, without a thread that waits.
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

  // Composes the call's outcome later and then completes it by end_async(), exactly once, on any thread.
  // Throws std::bad_alloc if nothing has begun.
  virtual void start(ActiveCall& call, boost::asio::io_context& context) = 0;

  // The call was answered without this handler, and its cancellation was requested. It is to be completed as
  // soon as possible. Another thread may have completed it already.
  virtual void stop(ActiveCall&) noexcept {}

  // Whether its calls need no permit and are not refused at any limit: operators must be able to inspect a
  // full server. The handler bounds them itself.
  virtual bool exempt() const { return false; }

  // The backend that serves its calls, for operators; empty: none.
  virtual std::string_view backend() const { return {}; }

  // Counts its calls, in addition to method and client. Lives as long as the handler.
  virtual ConcurrencyLimit concurrency_limit() { return {}; }

  // Expected wait for a permit of the backend or the method, for callers that were refused. Nothing: its
  // calls run at the server's own pace.
  virtual std::optional<milliseconds> expected_wait_approx() const { return std::nullopt; }
};

// Completes the call: returns it to its I/O thread. Any thread.
void end_async(ActiveCall& call);

}  // namespace sluice::core
