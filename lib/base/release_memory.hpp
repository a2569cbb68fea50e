// Releases the memory of a string or a container.
#pragma once

namespace sluice::core {

// Leaves a string or a container empty, without memory. Assigning an empty one would keep the memory.
template <typename Container>
void release_memory(Container& container) {
  Container().swap(container);
}

}  // namespace sluice::core
