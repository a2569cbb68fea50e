// rpc.calls: what runs and waits now.
#pragma once

#include <memory>
#include <vector>

#include "lib/include/sluice/method.hpp"

namespace sluice::core {

struct EngineParts;

// The method for the registry. It asks the I/O threads, whose calls they are, and takes no worker and no
// place of other calls: it is there to be asked when all are taken. A thread that does not answer in half a
// second is named instead. `parts` must outlive its calls.
MethodSpec calls_method(EngineParts& parts);

}  // namespace sluice::core
