// Settings of a client: the public options of an embedding program.
#pragma once

#include "lib/include/sluice/client_options.hpp"

namespace sluice::core {

using ClientSettings = ClientOptions;

}  // namespace sluice::core
