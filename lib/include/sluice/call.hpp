// What a handler can know of the call that it serves.
#pragma once

#include <chrono>
#include <stop_token>
#include <string_view>

namespace sluice {

namespace core {
struct ActiveCall;
}

// One call, seen by its handler. Valid until the handler has returned (a coroutine: until it has ended);
// to be used by one thread at a time. Text views live as long as the call.
class Call {
 public:
  explicit Call(core::ActiveCall& call) : call_(call) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  std::string_view method() const;
  // The id's own JSON text; empty for a notification.
  std::string_view id() const;
  // The params' own JSON text, an array or an object; empty where there are none.
  std::string_view params_text() const;
  // W3C trace context as the client sent it; empty where it sent none.
  std::string_view traceparent() const;

  // The configured name of the client that calls; empty where no clients are configured.
  std::string_view client() const;
  // Whether that client may call the method, which need not exist.
  bool may_call(std::string_view method) const;

  // When the answer stops being of use: the caller has its -32002 then.
  std::chrono::steady_clock::time_point deadline() const;
  // Time left until then; zero when it has passed.
  std::chrono::nanoseconds remaining() const;

  // Stop is requested when the client cancels or disconnects, when the time limit passes, and at the end
  // of a drain. Stop callbacks run on the connection's I/O thread: they must be quick and never block.
  std::stop_token stop_token();
  // Whether stop has been requested; cheaper than a stop token.
  bool cancelled() const;

 private:
  core::ActiveCall& call_;
};

}  // namespace sluice
