// Handlers that are coroutines. The one public header that needs Boost.Asio.
#pragma once

#include <coroutine>
#include <functional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include <sluice/method.hpp>

namespace sluice {

// Runs on the connection's I/O thread, and must never block it: wait with co_await only, for Asio objects
// made on `co_await boost::asio::this_coro::executor`. `call` and `params` live until it ends. When the
// call is cancelled or its time limit passes, terminal cancellation is emitted to what it awaits.
using AsyncFunction = std::function<boost::asio::awaitable<Result<Json>>(Call& call, const Json& params)>;

// A method for Server::add(MethodSpec). Absent params are null.
MethodSpec async_method(std::string name, AsyncFunction function, MethodOptions options = {});

}  // namespace sluice
