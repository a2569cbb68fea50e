// Deferred task: work that runs at the end of an event-loop iteration (folly's loop callback).
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/base/intrusive_list.hpp"

namespace sluice::core {

struct DeferredTag;

// When a deferred task runs at an iteration's end, in this order.
enum class Phase : std::uint8_t {
  completions,  // calls that ended on the loop's own thread are answered, so that their replies go with the
                // others
  submissions,  // the iteration's work for other threads is pushed, with one wake-up for each
  permits,      // permits that the iteration kept for its own calls are released, before a reply leaves
  replies,      // everything else, above all writes: one for each connection
};
inline constexpr std::size_t kPhases = 4;

// Defers work to the end of the iteration, so that work of one kind is done together.
class DeferredTask : public ListHook<DeferredTag> {
 public:
  virtual void on_deferred() = 0;

 protected:
  DeferredTask() = default;
  ~DeferredTask() { unlink(); }
};

}  // namespace sluice::core
