// Output of a connection.
#include <string_view>

#include "lib/loop/peer_charge.hpp"
#include "lib/transport/connection.hpp"

namespace sluice::core {
namespace {

// What is written in one go, before others are served.
constexpr std::size_t kWriteBytes = 256 * 1024;
constexpr std::size_t kWriteBytesPerUnit = kWriteBytes / kUnitsPerLook;
// Of output whose writing is charged to the peer.
constexpr std::size_t kLongOutputBytes = 64 * 1024;
using Status = ByteStream::Status;

}  // namespace

void Connection::on_reply(std::uint64_t exchange, std::string& reply, std::int64_t code) {
  io_.defer(*this);
  if (closed_ || close_pending_ || peer_gone_) return;
  last_busy_ = io_.now();
  io_.slices().charge_small(*share(), last_busy_, SmallWork::reply, reply.size());
  codec_->reply(exchange, reply, code);
  if (backlog() <= io_.limits.output_bytes_max) return;
  // The client may be reading quickly and only the iteration's end may not have come yet.
  flush(Extent::whole);
  if (backlog() <= io_.limits.output_bytes_max || close_pending_ || peer_gone_) return;
  schedule_close(CloseReason::output_full);
}

// Writing much takes as long as processing much, and is charged as well.
void Connection::flush(Extent extent) {
  if (unsent() >= kLongOutputBytes) return flush_long(extent);
  write_out(extent);
}

[[gnu::noinline]] void Connection::flush_long(Extent extent) {
  const PeerCharge charge(io_, *share());
  write_out(extent);
}

[[gnu::always_inline]] inline void Connection::write_out(Extent extent) {
  while (unsent() > 0 && !close_pending_ && !peer_gone_) {
    const auto sent = stream_.write(std::string_view(out_).substr(out_sent_, kWriteBytes));
    io_.slices().charge_small(*share(), io_.now(), SmallWork::write, sent.bytes);
    if (sent.status == Status::would_block) {
      output_waits_ = true;
      return;
    }
    if (sent.status != Status::ok) return on_peer_gone();
    out_sent_ += sent.bytes;
    last_output_ = io_.now();
    io_.metrics().sent_bytes.add(sent.bytes);
    if (unsent() > 0 && extent == Extent::slice && io_.slice_over(sent.bytes / kWriteBytesPerUnit)) {
      output_waits_ = true;  // the poller tells that there is room, in its order
      return;
    }
  }
  if (unsent() == 0 && !out_.empty()) {
    io_.buffers().give(out_);
    out_sent_ = 0;
    output_waits_ = false;
  }
}

}  // namespace sluice::core
