// Event gauges: what metrics show of topics and subscriptions.
#pragma once

#include "lib/observe/exposition.hpp"

namespace sluice::core {

struct EngineParts;

// Any thread. `parts` must outlive the result.
EventGauges event_gauges(const EngineParts& parts);

}  // namespace sluice::core
