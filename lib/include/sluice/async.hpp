// Async methods: handlers that are coroutines. The only public header that needs Boost.Asio.
#pragma once

#include <coroutine>
#include <functional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include <sluice/method.hpp>

namespace sluice {

// A coroutine on the connection's I/O thread, which it must never block. It may only wait with co_await, for
// Asio objects on `co_await boost::asio::this_coro::executor`. `call` and `params` live until it ends. If the
// call is cancelled or its time limit passes, the operation that it awaits gets terminal cancellation.
using AsyncFunction = std::function<boost::asio::awaitable<Result<Json>>(Call& call, const Json& params)>;

// A method for Server::add(MethodSpec). Absent params are null.
MethodSpec async_method(std::string name, AsyncFunction function, MethodOptions options = {});

}  // namespace sluice
