#include "lib/transport/whole_message.hpp"

#include <algorithm>
#include <utility>

#include "proto/byte_order_mark.hpp"

namespace sluice::core {
namespace {

using Scanner = proto::MessageScanner;
using Status = Scanner::Status;

constexpr std::string_view kSpace = " \t\r\n";

// Begin of a message: behind white space and byte order marks (RFC 8259, section 8.1). `known` bytes are
// known to be such.
std::size_t begin_of(std::string_view text, std::size_t known) {
  for (std::size_t begin = known;; begin += proto::kByteOrderMark.size()) {
    begin = std::min(text.find_first_not_of(kSpace, begin), text.size());
    if (!text.substr(begin).starts_with(proto::kByteOrderMark)) return begin;
  }
}

void receive_scanned(RpcSession& rpc_session, Scanner& scanner, std::string_view text, std::size_t begin,
                     std::uint64_t exchange, const CallDefaults& defaults) {
  const std::string_view value = text.substr(begin);
  if (value.empty()) return rpc_session.refuse(proto::parse_error(text.size()), exchange);
  Status status = scanner.scan(value);
  if (status == Status::incomplete) status = scanner.finish();
  const std::size_t end = std::min(value.find_first_not_of(kSpace, scanner.position()), value.size());
  if (status != Status::complete || end != value.size()) {
    const std::size_t offset = status == Status::complete ? end : scanner.position();
    return rpc_session.refuse(proto::parse_error(begin + offset), exchange);
  }
  rpc_session.receive(value, scanner.message(), exchange, defaults);
}

}  // namespace

void WholeMessage::scan_ahead(std::string_view text, const Limits& limits) {
  if (!scan_) scan_ = std::make_unique<Scan>(limits.batch_entries_max);
  if (scan_->scanner.position() == 0) scan_->begin = begin_of(text, scan_->begin);
  // The first bytes may be a part of a byte order mark.
  if (text.size() - scan_->begin >= proto::kByteOrderMark.size())
    scan_->scanner.scan(text.substr(scan_->begin));
}

void WholeMessage::receive(RpcSession& rpc_session, const Limits& limits, std::string_view text,
                           std::uint64_t exchange, const CallDefaults& defaults) {
  if (const auto scan = std::exchange(scan_, nullptr)) {
    const std::size_t begin = scan->scanner.position() == 0 ? begin_of(text, scan->begin) : scan->begin;
    return receive_scanned(rpc_session, scan->scanner, text, begin, exchange, defaults);
  }
  Scanner scanner(limits.batch_entries_max);
  receive_scanned(rpc_session, scanner, text, begin_of(text, 0), exchange, defaults);
}

}  // namespace sluice::core
