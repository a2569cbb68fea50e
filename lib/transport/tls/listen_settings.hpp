// Settings of a listener: the public options of an embedding program.
#pragma once

#include "lib/include/sluice/listen_options.hpp"

namespace sluice::core {

using TlsSettings = TlsOptions;
using ListenSettings = ListenOptions;

}  // namespace sluice::core
