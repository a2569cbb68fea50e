#include "proto/websocket_decoder.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::proto {
namespace {

using Kind = WebSocketEvent::Kind;
using Opcode = WebSocketOpcode;

constexpr std::size_t kHeadBytesMin = 2;
constexpr std::size_t kMaskBytes = 4;
using Mask = std::array<char, kMaskBytes>;
constexpr std::size_t kCloseCodeBytes = 2;
// Unmasked and checked in pieces that stay in the processor's nearest cache in between.
constexpr std::size_t kUnmaskBytes = 4 * kKiB;
static_assert(kUnmaskBytes % kMaskBytes == 0, "every piece but the last leaves the mask as it is");

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

// Size in bytes of the extended length behind the first two bytes.
std::size_t length_bytes(unsigned second) {
  const unsigned length = second & 0x7F;
  return length == 127 ? 8 : length == 126 ? 2 : 0;
}

bool is_control(Opcode opcode) { return (static_cast<unsigned>(opcode) & 0x8) != 0; }

bool is_known(Opcode opcode) {
  return opcode <= Opcode::binary || (is_control(opcode) && opcode <= Opcode::pong);
}

// The error in a frame's first two bytes; null without one.
const char* objection(unsigned first, unsigned second, bool in_fragments) {
  const auto opcode = static_cast<Opcode>(first & 0x0F);
  if ((first & 0x70) != 0) return "a reserved bit is set";
  if (!is_known(opcode)) return "an unknown opcode";
  if ((second & 0x80) == 0) return "a frame is not masked";
  if (is_control(opcode)) {
    if ((first & 0x80) == 0) return "a control frame is fragmented";
    return length_bytes(second) > 0 ? "a control frame is over 125 bytes long" : nullptr;
  }
  if (opcode == Opcode::continuation) return in_fragments ? nullptr : "a continuation of nothing";
  return in_fragments ? "a message inside of another" : nullptr;
}

// The error in a payload's length; null without one. 16 bits are for what does not fit into 7,
// and 64 for what does not fit into 16.
const char* length_objection(std::uint64_t length, std::size_t bytes) {
  if (length >> 63 != 0) return "a length has its top bit set";
  const bool shorter_would_do = (bytes == 2 && length < 126) || (bytes == 8 && length <= 0xFFFF);
  return shorter_would_do ? "a length takes more bytes than it needs" : nullptr;
}

// Those that IANA's registry has for the wire: 1004 has no meaning yet, 1005, 1006 and 1015 are never sent.
bool may_be_sent(std::uint64_t close_code) {
  return (close_code >= 1000 && close_code <= 1003) || (close_code >= 1007 && close_code <= 1014) ||
         (close_code >= 3000 && close_code <= 4999);
}

// The mask for what comes `bytes` later.
Mask turned(Mask mask, std::size_t bytes) {
  Mask result{};
  for (std::size_t i = 0; i < kMaskBytes; ++i) result[i] = mask[(bytes + i) % kMaskBytes];
  return result;
}

// The mask is applied to 8 bytes at a time, a loop that compilers make vectors of.
void unmask(char* out, std::string_view masked, Mask mask) {
  std::uint64_t mask_twice;
  std::memcpy(&mask_twice, mask.data(), kMaskBytes);
  std::memcpy(reinterpret_cast<char*>(&mask_twice) + kMaskBytes, mask.data(), kMaskBytes);
  const std::size_t words = masked.size() / sizeof(std::uint64_t);
  for (std::size_t i = 0; i < words; ++i) {
    std::uint64_t word;
    std::memcpy(&word, masked.data() + i * sizeof word, sizeof word);
    word ^= mask_twice;
    std::memcpy(out + i * sizeof word, &word, sizeof word);
  }
  for (std::size_t i = words * sizeof(std::uint64_t); i < masked.size(); ++i)
    out[i] = static_cast<char>(masked[i] ^ mask[i % kMaskBytes]);
}

}  // namespace

WebSocketEvent WebSocketDecoder::next(std::string_view window) {
  std::size_t used = 0;
  std::optional<WebSocketEvent> event;
  if (over_) event = failure_ == nullptr ? WebSocketEvent{} : fail(failure_code_, failure_);
  while (!event) event = in_frame_ ? take_payload(window, used) : begin_frame(window, used);
  event->consumed = over_ ? window.size() : used;
  return *event;
}

void WebSocketDecoder::release() {
  if (!in_fragments_) drop_message();
}

std::optional<WebSocketEvent> WebSocketDecoder::take_payload(std::string_view window, std::size_t& used) {
  const std::size_t size = std::min<std::uint64_t>(payload_left_, window.size() - used);
  const std::string_view piece = window.substr(used, size);
  used += size;
  payload_left_ -= size;
  if (!skipping_ && !append_unmasked(piece))
    return fail(WebSocketClose::invalid_text, "a message is not UTF-8");
  if (payload_left_ > 0) return WebSocketEvent{};
  in_frame_ = false;
  if (!final_) return std::nullopt;
  in_fragments_ = false;
  if (std::exchange(skipping_, false)) return std::nullopt;
  if (!utf8_.complete()) return fail(WebSocketClose::invalid_text, "a message is not UTF-8");
  return WebSocketEvent{Kind::text, 0, message_, {}};
}

// false: the text is not UTF-8. It is found out as early as it can be, not at the message's end.
bool WebSocketDecoder::append_unmasked(std::string_view masked) {
  message_.reserve(message_.size() + masked.size());
  for (std::size_t at = 0; at < masked.size(); at += kUnmaskBytes) {
    const std::string_view piece = masked.substr(at, kUnmaskBytes);
    const std::size_t known = message_.size();
    message_.resize(known + piece.size());
    unmask(message_.data() + known, piece, mask_);
    if (!utf8_.accept(std::string_view(message_).substr(known))) return false;
  }
  mask_ = turned(mask_, masked.size());
  return true;
}

std::optional<WebSocketEvent> WebSocketDecoder::begin_frame(std::string_view window, std::size_t& used) {
  const std::string_view rest = window.substr(used);
  in_head_ = !rest.empty();
  if (rest.size() < kHeadBytesMin) return WebSocketEvent{};
  const auto first = static_cast<unsigned char>(rest[0]);
  const auto second = static_cast<unsigned char>(rest[1]);
  if (const char* what = objection(first, second, in_fragments_))
    return fail(WebSocketClose::protocol_error, what);
  const auto opcode = static_cast<Opcode>(first & 0x0F);
  if (opcode == Opcode::binary) return fail(WebSocketClose::unsupported, "a message is not text");

  const std::size_t length_size = length_bytes(second);
  Head head{opcode, (first & 0x80) != 0, kHeadBytesMin + length_size + kMaskBytes, second & 0x7FU, {}};
  if (rest.size() < head.bytes) return WebSocketEvent{};
  if (length_size > 0) head.payload_bytes = big_endian(rest.substr(kHeadBytesMin, length_size));
  if (const char* what = length_objection(head.payload_bytes, length_size))
    return fail(WebSocketClose::protocol_error, what);
  rest.copy(head.mask.data(), kMaskBytes, head.bytes - kMaskBytes);

  const std::string_view payload = rest.substr(head.bytes);
  if (is_control(opcode) && payload.size() < head.payload_bytes) return WebSocketEvent{};
  in_head_ = false;
  used += head.bytes;
  if (!is_control(opcode)) return begin_data_frame(head);
  used += head.payload_bytes;
  return control_frame(head, payload.substr(0, head.payload_bytes));
}

std::optional<WebSocketEvent> WebSocketDecoder::begin_data_frame(const Head& head) {
  if (!in_fragments_) {
    if (message_.capacity() > kWebSocketBufferKeptMax) drop_message();
    message_.clear();
    utf8_.reset();
  }
  in_fragments_ = true;
  in_frame_ = true;
  final_ = head.final;
  mask_ = head.mask;
  payload_left_ = head.payload_bytes;
  if (skipping_) return skip_frame(head);
  if (message_.size() + head.payload_bytes <= message_bytes_max_) return std::nullopt;
  drop_message();
  skipping_ = true;
  skip_left_ = std::uint64_t{message_bytes_max_} * kOversizeSkipFactor;
  skip_frame(head);  // a failure is for the next call to tell
  return WebSocketEvent{Kind::too_big, 0, {}, {}};
}

// A message that can't be skipped within bounds is not waited for.
std::optional<WebSocketEvent> WebSocketDecoder::skip_frame(const Head& head) {
  const std::uint64_t bytes = head.bytes + head.payload_bytes;
  if (bytes > skip_left_) return fail(WebSocketClose::too_big, "a message is too big to be skipped");
  skip_left_ -= bytes;
  return std::nullopt;
}

WebSocketEvent WebSocketDecoder::control_frame(const Head& head, std::string_view masked) {
  unmask(control_.data(), masked, head.mask);
  const std::string_view payload(control_.data(), masked.size());
  if (head.opcode == Opcode::ping) return {Kind::ping, 0, payload, {}};
  if (head.opcode == Opcode::pong) return {Kind::pong, 0, payload, {}};
  return close_frame(payload);
}

WebSocketEvent WebSocketDecoder::close_frame(std::string_view payload) {
  WebSocketEvent event{Kind::close, 0, {}, WebSocketClose::none};
  if (!payload.empty()) {
    const std::uint64_t code = big_endian(payload.substr(0, kCloseCodeBytes));
    if (payload.size() < kCloseCodeBytes || !may_be_sent(code))
      return fail(WebSocketClose::protocol_error, "a close frame has no valid code");
    event.code = static_cast<WebSocketClose>(code);
    event.text = payload.substr(kCloseCodeBytes);
    if (!is_utf8(event.text))
      return fail(WebSocketClose::invalid_text, "a close frame's reason is not UTF-8");
  }
  end();
  return event;
}

WebSocketEvent WebSocketDecoder::fail(WebSocketClose code, const char* what) {
  failure_code_ = code;
  failure_ = what;
  end();
  return {Kind::failed, 0, failure_, code};
}

// Later bytes are ignored.
void WebSocketDecoder::end() {
  over_ = true;
  in_head_ = in_frame_ = in_fragments_ = skipping_ = false;
  drop_message();
}

}  // namespace sluice::proto
