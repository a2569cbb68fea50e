// HTTP response headers of an upstream: Keep-Alive, Retry-After, content encoding.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>

#include "lib/time/durations.hpp"

namespace sluice::core {

using HttpResponseHead = boost::beast::http::header<false>;

// What a server announces about the connection; what it leaves out is absent.
struct KeepAlive {
  std::optional<seconds> idle{};       // it closes the connection after so long without a request
  std::optional<unsigned> requests{};  // it takes so many more
};
KeepAlive keep_alive_of(const HttpResponseHead& head);

// How long Retry-After asks for, in seconds or as a date, which counts from the response's own Date where
// that can be read. At most `kRetryAfterMax`; nothing where it is absent or makes no sense.
inline constexpr milliseconds kRetryAfterMax = std::chrono::hours(1);
std::optional<milliseconds> retry_after_of(const HttpResponseHead& head,
                                           std::chrono::system_clock::time_point now);

// Whether the body is in the clear, as was asked for.
bool is_identity(const HttpResponseHead& head);

// Why a response holds no JSON-RPC reply, for the log: what names the cause, and how a body of text begins.
std::string unusable_because(const HttpResponseHead& head, std::string_view body);

}  // namespace sluice::core
