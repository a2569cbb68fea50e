// All codecs.
#pragma once

#include "lib/transport/codec_factory.hpp"

namespace sluice::core {

// Lasts as long as the program.
const CodecFactory& codecs();

}  // namespace sluice::core
