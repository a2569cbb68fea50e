// One attempt of a call at an upstream, and how attempts and connections end.
#pragma once

#include <cstdint>

#include "lib/time/deadline_wheel.hpp"
#include "lib/time/durations.hpp"

namespace sluice::core {

class UpstreamConnection;
class UpstreamEndpoint;
struct UpstreamCall;

// A call as it was sent over one connection. It may be sent again, or twice at once; each time is another
// attempt, with an id of its own. Lives in its call.
struct UpstreamAttempt {
  UpstreamCall* call = nullptr;
  std::uint32_t id = 0;      // on the wire, at its connection
  std::uint64_t number = 0;  // of its connection's attempts, in their order
  UpstreamEndpoint* endpoint = nullptr;
  UpstreamConnection* connection = nullptr;  // whose it is; null: it is over, or never was
  TimePoint began;
  bool sent = false;    // set at its connection's end: a part may have left this machine
  bool unread = false;  // likewise: the server has most likely not read it
  bool failed = false;  // whatever its reply says, its server says beside it that it did not do well
  bool probe = false;   // of a half-open breaker
  bool outcome_recorded = false;  // its breaker has counted it
  milliseconds retry_after{0};    // what its server asks for beside what it says; 0: nothing

  bool under_way() const { return connection != nullptr; }
};

// Why an attempt has no reply.
enum class UpstreamFailure : std::uint8_t {
  unsent,    // no byte has left: it has not run
  unread,    // the server closed the connection before it came to it
  lost,      // with its connection
  no_reply,  // something else came instead
  reply_too_big,
};

// Why a connection ended.
enum class UpstreamEnd : std::uint8_t {
  not_connected,  // could not be made
  cut,            // by the other side, or by the net
  misbehaved,     // invalid or too much input
  unused,         // by the other side, while there was nothing to be done
  idle,           // by this side, likewise
  given_up,       // for an attempt without a waiting client
};

}  // namespace sluice::core
