// The demo.* methods: for learning, tests and benchmarks.
#pragma once

#include <vector>

#include "lib/include/sluice/method.hpp"

namespace sluice::daemon {

// Every demo method, ready to be added to a server. They share no state.
std::vector<MethodSpec> demo_methods();

}  // namespace sluice::daemon
