#include "cli/json_stream_connection.hpp"

#include <array>

namespace sluice::client {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;

}  // namespace

Result<void> JsonStreamConnection::send(std::string_view message, const WaitLimit& limit) {
  return stream_->write(message, limit);
}

Result<std::optional<std::string>> JsonStreamConnection::receive(const WaitLimit& limit) {
  std::array<char, kReadBytes> buffer;
  while (true) {
    Result<std::optional<std::string>> message = cutter_.next();
    if (!message || message.value()) return message;
    const Result<std::size_t> received = stream_->read_some(buffer, limit);
    if (!received) return received.error();
    if (received.value() > 0) {
      cutter_.append({buffer.data(), received.value()});
      continue;
    }
    if (cutter_.has_partial()) return unreachable(address_ + " closed the connection inside an answer");
    return std::optional<std::string>();
  }
}

}  // namespace sluice::client
