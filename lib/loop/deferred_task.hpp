// Deferred task: work that runs at the end of an event-loop iteration (folly's loop callback).
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/base/intrusive_list.hpp"

namespace sluice::core {

struct DeferredTag;

// When a deferred task runs at an iteration's end, in this order.
enum class Phase : std::uint8_t {
  completions,  // what ended on the loop's own thread is answered, so that its replies go with the others
  submissions,  // what the iteration has for other threads is pushed, with one wake-up for each
  permits,      // what the iteration kept for its own calls is released, before a reply leaves
  replies,      // everything else, above all writes: one for each connection
};
inline constexpr std::size_t kPhases = 4;

// Puts work off to the end of the iteration, so that what belongs together goes out together.
class DeferredTask : public ListHook<DeferredTag> {
 public:
  virtual void on_deferred() = 0;

 protected:
  DeferredTask() = default;
  ~DeferredTask() { unlink(); }
};

}  // namespace sluice::core
