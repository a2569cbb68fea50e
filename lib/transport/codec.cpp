#include "lib/transport/codec.hpp"

#include "lib/transport/codec_host.hpp"

namespace sluice::core {

void Codec::refuse_unproven(const proto::Error& error) { host_.rpc_session().refuse(error, 0); }

}  // namespace sluice::core
