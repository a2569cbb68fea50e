// Codec factory of all protocols.
#pragma once

#include "lib/transport/codec_factory.hpp"

namespace sluice::core {

// Static.
const CodecFactory& codecs();

}  // namespace sluice::core
