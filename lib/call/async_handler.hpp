// Handlers that run on the I/O thread without holding it.
#pragma once

#include <functional>

#include <boost/asio/io_context.hpp>

#include "lib/call/active_call.hpp"

namespace sluice::core {

// Starts the work of a call and returns at once. I/O thread only.
class AsyncHandler {
 public:
  virtual ~AsyncHandler() = default;

  // Composes the call's outcome when it is done and then calls `done`, exactly once, on this thread and
  // not before start() has returned. Watches the call's cancellation itself.
  virtual void start(ActiveCall& call, boost::asio::io_context& context, std::function<void()> done) = 0;
};

}  // namespace sluice::core
