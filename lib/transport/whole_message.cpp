#include "lib/transport/whole_message.hpp"

#include <algorithm>

#include "proto/message_scanner.hpp"

namespace sluice::core {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

}  // namespace

void receive_whole(Conversation& conversation, const Limits& limits, std::string_view text,
                   std::uint64_t exchange, const CallDefaults& defaults) {
  using Status = proto::MessageScanner::Status;
  const std::size_t begin = std::min(text.find_first_not_of(kSpace), text.size());
  const std::string_view value = text.substr(begin);
  if (value.empty()) return conversation.refuse(proto::parse_error(text.size()), exchange);
  proto::MessageScanner scanner(limits.batch_entries_max);
  Status status = scanner.scan(value);
  if (status == Status::incomplete) status = scanner.finish();
  const std::size_t end = std::min(value.find_first_not_of(kSpace, scanner.position()), value.size());
  if (status != Status::complete || end != value.size()) {
    const std::size_t offset = status == Status::complete ? end : scanner.position();
    return conversation.refuse(proto::parse_error(begin + offset), exchange);
  }
  conversation.receive(value, scanner.message(), exchange, defaults);
}

}  // namespace sluice::core
