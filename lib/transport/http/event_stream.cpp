#include "lib/transport/http/event_stream.hpp"

#include <charconv>
#include <cstddef>

namespace sluice::core {
namespace {

// Of a chunk: its size in hexadecimal digits, and two line ends.
constexpr std::size_t kChunkFrameBytes = 20;

constexpr std::string_view kData = "data: ";
constexpr std::string_view kEventEnd = "\n\n";

void append_hex(std::string& out, std::size_t number) {
  char digits[16];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number, 16).ptr);
}

}  // namespace

template <typename... Pieces>
void EventStream::append(std::string& out, Pieces... pieces) const {
  const std::size_t size = (pieces.size() + ...);
  const std::size_t needed = out.size() + size + kChunkFrameBytes;
  if (needed > out.capacity()) out.reserve(needed);
  if (chunked_) {
    append_hex(out, size);
    out.append("\r\n");
  }
  (out.append(pieces), ...);
  if (chunked_) out.append("\r\n");
}

void EventStream::append_retry(std::string& out) const { append(out, std::string_view("retry: 1000\n\n")); }

void EventStream::append_data(std::string& out, std::string_view text) const {
  append(out, kData, text, kEventEnd);
}

void EventStream::append_refusal(std::string& out, std::string_view text) const {
  append(out, std::string_view("id\ndata: "), text, kEventEnd);
}

void EventStream::append_event(std::string& out, const EventMessage& message) const {
  if (message.position.empty()) return append(out, kData, message.head, message.tail, kEventEnd);
  append(out, std::string_view("id: "), message.position, std::string_view("\ndata: "), message.head,
         message.tail, kEventEnd);
}

void EventStream::append_heartbeat(std::string& out) const {
  append(out, std::string_view(": heartbeat\n\n"));
}

void EventStream::append_end(std::string& out) const {
  if (chunked_) out.append("0\r\n\r\n");
}

}  // namespace sluice::core
