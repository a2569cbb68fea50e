// Wire call: a call and its control messages in a backend's dialect.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/backend/backend_settings.hpp"
#include "lib/call/active_call.hpp"
#include "proto/reply.hpp"

namespace sluice::core {

// The ids of one process or connection, in their order: from 1, and after the last from 1 again. Not
// thread-safe.
class WireIds {
 public:
  explicit WireIds(std::uint32_t last = 0) : last_(last) {}

  // The next that is free: `in_use(id)` says whether one is not. There have to be free ones.
  template <typename InUse>
  std::uint32_t next(const InUse& in_use) {
    do {
      wrapped_ = wrapped_ || last_ == proto::kWireIdMax;
      last_ = last_ == proto::kWireIdMax ? 1 : last_ + 1;
    } while (in_use(last_));
    return last_;
  }

  // Whether something has gone by that id. Of one that was not given nothing can come late.
  bool given(std::uint32_t id) const { return wrapped_ || (id >= 1 && id <= last_); }

 private:
  std::uint32_t last_;
  bool wrapped_ = false;
};

// Appends the call as one JSON object on one line, whatever its reader takes for the end of a line. `id`
// replaces its own (not in a notification), `method` is its name there. Params are the client's own
// bytes. The dialect `sluice` adds what is left of its time, and its trace context.
void append_call(std::string& out, const ActiveCall& call, std::string_view method, std::uint32_t id,
                 Dialect dialect, TimePoint now);

// A call of the server's own, without params.
void append_question(std::string& out, std::string_view method, std::uint32_t id);

// Appends the notification that no client waits for the answer to `id` any more. False where the dialect has
// none. In `sluice` it is rpc.cancel without an id of its own: a request would have to be answered.
bool append_cancel(std::string& out, std::uint32_t id, Dialect dialect);

// What is spoken before a backend has announced itself.
inline Dialect spoken_at_first(Dialect configured) {
  return configured == Dialect::automatic ? Dialect::jsonrpc : configured;
}

// Whether a message is the notification with which a backend announces itself. `method` is its method as it
// is in its text.
bool is_hello(std::string_view method);

// What an announcement says that the backend speaks; automatic where nothing that can be announced.
Dialect announced_dialect(std::string_view params);

}  // namespace sluice::core
