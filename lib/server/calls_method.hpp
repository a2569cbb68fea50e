// rpc.calls: the calls that run or wait now.
#pragma once

#include <memory>
#include <vector>

#include "lib/include/sluice/method.hpp"

namespace sluice::core {

struct EngineParts;

// The method for the registry. It asks the I/O threads, which own the calls. It needs no worker and no
// permit, so that it works on a full server. A thread that does not answer in half a second is named instead.
// `parts` must outlive its calls.
MethodSpec calls_method(EngineParts& parts);

}  // namespace sluice::core
