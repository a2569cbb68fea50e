// Call: a handler's view of the call that it serves.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string_view>

namespace sluice {

namespace core {
struct ActiveCall;
}

// What has become of a note.
enum class NoteResult : std::uint8_t {
  sent,      // it is on its way; it may still be lost, as where its client is slow
  replaced,  // likewise, and an older one with the same key is not sent
  dropped,   // it is too long or not valid, or memory is short
  gone,      // the client does not get it: it has not asked for notes, or does not wait any more
};

// One call, as its handler sees it. Valid until the handler has returned (a coroutine: until it has ended).
// Only one thread at a time may use it. Text views live as long as the call.
class Call {
 public:
  explicit Call(core::ActiveCall& call) : call_(call) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  std::string_view method() const;
  // The JSON text of the id; empty for a notification.
  std::string_view id() const;
  // The JSON text of the params, an array or an object; empty if they are absent.
  std::string_view params_text() const;
  // W3C trace context as the client sent it; empty if it sent none.
  std::string_view traceparent() const;

  // The configured name of the calling client; empty if no clients are configured.
  std::string_view client() const;
  // True if the client may call the method; the method need not exist.
  bool may_call(std::string_view method) const;

  // The time limit: then the caller gets -32002, and the answer is dropped.
  std::chrono::steady_clock::time_point deadline() const;
  // Time left until the deadline; zero after it.
  std::chrono::nanoseconds remaining() const;

  // Stop is requested when the client cancels or disconnects, when the time limit passes, and at the end of a
  // drain. Stop callbacks run on the connection's I/O thread: they must be quick and never block.
  std::stop_token stop_token();
  // True once a stop has been requested; cheaper than a stop token.
  bool cancelled() const;

  // Sends the client a note: a JSON-RPC notification that belongs to this call and comes before its reply, if
  // the request asked for notes. `params_json` is the JSON text of an array or an object, or empty. At most
  // 64 notes and 256 KiB of a call wait: a newer one replaces an older with the same `key` (empty:
  // it has none), and where there are too many the oldest without a key is dropped. Any thread, also several
  // at a time, until the handler has returned. Never blocks or throws.
  NoteResult notify(std::string_view method, std::string_view params_json,
                    std::string_view key = {}) noexcept;

 private:
  core::ActiveCall& call_;
};

}  // namespace sluice
