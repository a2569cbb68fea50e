// Event gauges: what metrics show of topics and subscriptions.
#pragma once

#include <vector>

#include "lib/events/event_counts.hpp"
#include "lib/events/event_hub.hpp"
#include "lib/observe/exposition.hpp"

namespace sluice::core {

// `threads` are the counts of each thread; they must outlive the result. Any thread.
EventGauges event_gauges(const EventHub& hub, const std::vector<const EventCounts*>& threads);

}  // namespace sluice::core
