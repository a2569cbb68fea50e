// Events query: what the target of a GET for events asks for.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "proto/error.hpp"

namespace sluice::core {

// The `rpc.subscribe` call that a request for `PATH?topic=a.*&topic=b&last_event_id=POS` stands for, with the
// id null. `last_event_id` is that of the header, which a browser sends when it connects again, and which
// counts more than the parameter. Parameters that are unknown, or can't be decoded, are -32602 errors; the
// topics and the position are checked by the call. Pure.
Result<std::string, proto::Error> subscribe_call(std::string_view target, std::string_view last_event_id);

}  // namespace sluice::core
