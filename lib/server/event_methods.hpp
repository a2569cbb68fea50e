// Event methods: rpc.subscribe and rpc.publish.
#pragma once

#include <string>

#include "lib/events/event_hub.hpp"
#include "lib/include/sluice/method.hpp"

namespace sluice::core {

// `hub` must outlive the methods and their calls. They run on the caller's I/O thread and end at once, in the
// order of the requests. rpc.unsubscribe is a control method of the session (ControlMethods).

// Answers the id of a new subscription to the params' topics. Notifications of one by the name
// `rpc_subscribe` are called `rpc_subscription`.
MethodSpec subscribe_method(std::string name);
// Answers `{"pos": POSITION, "subscribers": N}`.
MethodSpec publish_method(EventHub& hub);

}  // namespace sluice::core
