// Giving memory back.
#pragma once

namespace sluice::core {

// Leaves a string or a container empty, without memory of its own. Assigning an empty one would keep it.
template <typename Container>
void release_memory(Container& container) {
  Container().swap(container);
}

}  // namespace sluice::core
