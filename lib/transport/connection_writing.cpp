// Output of a connection.
#include <string_view>

#include "lib/loop/peer_charge.hpp"
#include "lib/transport/connection.hpp"

namespace sluice::core {
namespace {

constexpr std::size_t kWriteBytesPerUnit = OutputBuffer::kWriteBytes / kUnitsPerLook;
// Size from which writing is charged to the peer.
constexpr std::size_t kLongOutputBytes = 64 * 1024;
using Status = ByteStream::Status;

}  // namespace

void Connection::on_reply(std::uint64_t exchange, std::string& reply, std::int64_t code) {
  io_.defer(*this);
  if (ending_.closing() || ending_.peer_gone()) return;
  timers_.on_busy(io_.now());
  io_.slices().charge_small(*share(), io_.now(), SmallWork::reply, reply.size());
  codec()->reply(exchange, reply, code);
  if (backlog() <= io_.limits.output_bytes_max) return;
  // The client may be reading quickly, and only the iteration's end is missing.
  flush(Extent::whole);
  if (backlog() <= io_.limits.output_bytes_max || ending_.closing() || ending_.peer_gone()) return;
  schedule_close(CloseReason::output_full);
}

// Writing much takes as long as processing much, and is charged as well.
void Connection::flush(Extent extent) {
  if (output_.unsent() >= kLongOutputBytes) return flush_long(extent);
  write_out(extent);
}

[[gnu::noinline]] void Connection::flush_long(Extent extent) {
  const PeerCharge charge(io_, *share());
  write_out(extent);
}

[[gnu::always_inline]] inline void Connection::write_out(Extent extent) {
  if (output_.unsent() == 0 || ending_.closing() || ending_.peer_gone()) return;
  const auto write = [this](std::string_view bytes) {
    const auto sent = stream_.write(bytes);
    io_.slices().charge_small(*share(), io_.now(), SmallWork::write, sent.bytes);
    if (sent.status == Status::ok) {
      timers_.on_output(io_.now());
      io_.metrics().sent_bytes.add(sent.bytes);
    }
    return sent;
  };
  // The poller reports room later, in its own order.
  const auto pause = [this, extent](std::size_t bytes) {
    return extent == Extent::slice && io_.slice_over(bytes / kWriteBytesPerUnit);
  };
  if (!output_.flush(io_.buffers(), write, pause)) on_peer_gone();
}

}  // namespace sluice::core
