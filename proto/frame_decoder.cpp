#include "proto/frame_decoder.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "proto/byte_order_mark.hpp"

namespace sluice::proto {
namespace {

using Kind = FrameEvent::Kind;

std::size_t leading_spaces(std::string_view text) {
  // Usually one newline, for which find_first_not_of() would call memchr() twice.
  std::size_t at = 0;
  while (at < text.size() && (text[at] == '\n' || text[at] == ' ' || text[at] == '\r' || text[at] == '\t'))
    ++at;
  return at;
}

// Byte order marks before a message, and the white space around them (RFC 8259, section 8.1). The last may
// have come in part.
std::size_t leading_marks(std::string_view text) {
  std::size_t at = 0;
  while (text.substr(at).starts_with(kByteOrderMark)) {
    at += kByteOrderMark.size();
    at += leading_spaces(text.substr(at));
  }
  return at;
}

bool is_cut_mark(std::string_view text) {
  return !text.empty() && text.size() < kByteOrderMark.size() && kByteOrderMark.starts_with(text);
}

bool same_name(std::string_view left, std::string_view lower) {
  return left.size() == lower.size() &&
         std::equal(left.begin(), left.end(), lower.begin(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a | 0x20 : a) == b; });
}

std::string_view trim(std::string_view text) {
  text.remove_prefix(leading_spaces(text));
  while (!text.empty() && leading_spaces(text.substr(text.size() - 1)) == 1) text.remove_suffix(1);
  return text;
}

}  // namespace

FrameDecoder::FrameDecoder(Framing framing, MessageLimits limits)
    : scanner_(limits.batch_entries_max), limits_(limits), framing_(framing) {}

void FrameDecoder::set_limits(MessageLimits limits) {
  limits_ = limits;
  scanner_.set_batch_entries_max(limits.batch_entries_max);
}

FrameEvent FrameDecoder::next(std::string_view window) {
  if (lost_) return {std::exchange(foreign_due_, false) ? Kind::foreign : Kind::lost, window.size(), {}, 0};
  if (skipping()) return next_behind_skipped(window);
  return framing_ == Framing::stream ? next_in_stream(window) : next_with_headers(window);
}

FrameEvent FrameDecoder::next_behind_skipped(std::string_view window) {
  std::size_t used = 0;
  if (const auto event = skip(window, used)) return *event;
  FrameEvent event = next(window.substr(used));
  event.consumed += used;
  return event;
}

FrameEvent FrameDecoder::finish(std::string_view window) {
  // A byte order mark begins a text.
  const bool is_only_mark = std::exchange(behind_mark_, false) || begins_with_mark(window);
  if (skipping() || lost_ || (!in_message_ && !is_only_mark)) {
    return {Kind::need_more, window.size(), {}, 0};
  }
  if (!in_message_) return {Kind::malformed, window.size(), {}, 0};
  in_message_ = false;
  if (framing_ == Framing::stream && scanner_.finish() == MessageScanner::Status::complete) {
    return {Kind::message, window.size(), window, 0};
  }
  return {Kind::malformed, window.size(), {}, window.size()};
}

FrameEvent FrameDecoder::next_in_stream(std::string_view window) {
  const std::size_t lead = in_message_ ? 0 : leading_spaces(window);
  std::string_view text = window;
  text.remove_prefix(lead);
  if (text.empty()) return {Kind::need_more, lead, {}, 0};
  if (!in_message_) {
    if (text.front() == kByteOrderMark.front() && begins_with_mark(text))
      return next_behind_mark(window, lead);
    scanner_.reset();
    behind_mark_ = false;
  }
  in_message_ = true;
  // No further than one byte past the limit, so that the result does not depend on the number of bytes that
  // arrived at once.
  const std::size_t scanned_bytes_max = limits_.message_bytes_max + 1;
  const auto status = scanner_.scan({text.data(), std::min(text.size(), scanned_bytes_max)});
  if (status == MessageScanner::Status::malformed) return resynchronise(window, lead);
  if (status == MessageScanner::Status::incomplete) {
    if (text.size() >= scanned_bytes_max) return begin_skipping_value(lead + scanner_.position());
    return {Kind::need_more, lead, {}, 0};
  }
  in_message_ = false;
  const std::size_t size = scanner_.position();
  if (size > limits_.message_bytes_max) return {Kind::too_big, lead + size, {}, 0};
  // A newline usually follows: including it ends the read here, and no rest has to be examined.
  const std::size_t trail = leading_spaces({text.data() + size, text.size() - size});
  return {Kind::message, lead + size + trail, {text.data(), size}, 0};
}

bool FrameDecoder::begins_with_mark(std::string_view text) {
  return text.starts_with(kByteOrderMark) || is_cut_mark(text);
}

FrameEvent FrameDecoder::next_behind_mark(std::string_view window, std::size_t lead) {
  const std::size_t at = lead + leading_marks(window.substr(lead));
  const std::string_view rest = window.substr(at);
  behind_mark_ = true;
  if (rest.empty() || is_cut_mark(rest)) return {Kind::need_more, at, {}, 0};
  FrameEvent event = next(rest);
  event.consumed += at;
  return event;
}

// Clients that send one message a line must lose the broken line only: resume behind the last newline
// inside the broken message, or else behind the next one.
FrameEvent FrameDecoder::resynchronise(std::string_view window, std::size_t lead) {
  in_message_ = false;
  const std::string_view text = window.substr(lead);
  const std::size_t offset = scanner_.position();
  std::size_t newline = text.substr(0, offset).rfind('\n');
  if (newline != std::string_view::npos) return {Kind::malformed, lead + newline + 1, {}, offset};
  newline = text.find('\n', offset);
  lines_.begin_line();
  becomes_foreign(text.substr(0, newline == std::string_view::npos ? newline : newline + 1));
  if (newline != std::string_view::npos) return {Kind::malformed, lead + newline + 1, {}, offset};
  skip_ = Skip::to_newline;
  return {Kind::malformed, window.size(), {}, offset};
}

// Bytes that a resumed read begins with again are examined then.
bool FrameDecoder::becomes_foreign(std::string_view skipped) {
  if (!refuses_foreign_ || lost_) return lost_;
  foreign_ = lines_.feed(skipped);
  lost_ = foreign_due_ = foreign_ != ForeignProtocol::none;
  return lost_;
}

FrameEvent FrameDecoder::begin_skipping_value(std::size_t scanned_bytes) {
  in_message_ = false;
  scanner_.stop_capturing();
  lines_.begin_within_line();
  skip_ = Skip::oversize_value;
  skip_bytes_ = limits_.message_bytes_max * kOversizeSkipFactor;
  return {Kind::too_big, scanned_bytes, {}, 0};
}

std::optional<FrameEvent> FrameDecoder::skip(std::string_view window, std::size_t& used) {
  if (skip_ == Skip::oversize_value) {
    const auto status = scanner_.scan(window.substr(0, skip_bytes_));
    const bool whole = status == MessageScanner::Status::incomplete;
    if (becomes_foreign(window.substr(0, whole ? skip_bytes_ : scanner_.position()))) return next(window);
    if (whole) {
      lost_ = window.size() > skip_bytes_;
      skip_bytes_ -= std::min(skip_bytes_, window.size());
      return FrameEvent{lost_ ? Kind::lost : Kind::need_more, window.size(), {}, 0};
    }
    used = scanner_.position();
    skip_ = status == MessageScanner::Status::complete ? Skip::nothing : Skip::to_newline;
  }
  if (skip_ == Skip::to_newline) {
    const std::size_t newline = window.find('\n', used);
    const std::size_t end = newline == std::string_view::npos ? window.size() : newline + 1;
    if (becomes_foreign(window.substr(used, end - used))) return next(window);
    if (newline == std::string_view::npos) return FrameEvent{Kind::need_more, window.size(), {}, 0};
    used = newline + 1;
  }
  if (skip_ == Skip::counted) {
    used = std::min(skip_bytes_, window.size());
    skip_bytes_ -= used;
    if (skip_bytes_ > 0) return FrameEvent{Kind::need_more, used, {}, 0};
  }
  skip_ = Skip::nothing;
  return std::nullopt;
}

FrameEvent FrameDecoder::next_with_headers(std::string_view window) {
  const std::size_t lead = in_message_ ? 0 : leading_spaces(window);
  const std::string_view text = window.substr(lead);
  if (text.empty()) return {Kind::need_more, lead, {}, 0};
  if (!in_message_) {
    if (begins_with_mark(text)) return next_behind_mark(window, lead);
    header_scanned_ = 0;
    behind_mark_ = false;
  }
  in_message_ = true;
  if (text.size() < bytes_wanted_) return {Kind::need_more, lead, {}, 0};
  bytes_wanted_ = 0;
  const auto head = header_block(text);
  if (!head) {
    if (text.size() <= kHeaderBlockBytesMax) return {Kind::need_more, lead, {}, 0};
  } else if (head->bytes <= kHeaderBlockBytesMax && head->valid && head->content_length) {
    return body(window, lead, *head);
  }
  // Without a length the next message's beginning is unknown.
  in_message_ = false;
  lost_ = true;
  return {Kind::malformed, window.size(), {}, 0};
}

FrameEvent FrameDecoder::body(std::string_view window, std::size_t lead, HeaderBlock head) {
  const std::size_t length = *head.content_length;
  const std::size_t available = window.size() - lead - head.bytes;
  if (length > limits_.message_bytes_max) {
    in_message_ = false;
    skip_ = Skip::counted;
    skip_bytes_ = length;
    lost_ = length / kOversizeSkipFactor > limits_.message_bytes_max;
    return {Kind::too_big, lead + head.bytes, {}, 0};
  }
  if (available < length) {
    bytes_wanted_ = head.bytes + length;
    return {Kind::need_more, lead, {}, 0};
  }
  in_message_ = false;
  const std::size_t consumed = lead + head.bytes + length;
  const std::string_view padded = window.substr(lead + head.bytes, length);
  std::size_t begin = leading_spaces(padded);
  begin += leading_marks(padded.substr(begin));
  const std::string_view text = trim(padded.substr(begin));
  scanner_.reset();
  auto status = scanner_.scan(text);
  if (status == MessageScanner::Status::incomplete) status = scanner_.finish();
  if (status == MessageScanner::Status::complete && scanner_.position() == text.size()) {
    return {Kind::message, consumed, text, 0};
  }
  const std::size_t offending =
      scanner_.position() +
      (status == MessageScanner::Status::complete ? leading_spaces(text.substr(scanner_.position())) : 0);
  return {Kind::malformed, consumed, {}, begin + offending};
}

// Nothing until the empty line that ends the block has come. The few bytes of a block are read again
// only once, when it is whole.
std::optional<FrameDecoder::HeaderBlock> FrameDecoder::header_block(std::string_view text) {
  for (;;) {
    const std::size_t newline = text.find('\n', header_scanned_);
    if (newline == std::string_view::npos) {
      // The start of the last line is kept, so that a line is searched from its beginning at most
      // once for each piece it comes in; blocks are bounded by kHeaderBlockBytesMax.
      return std::nullopt;
    }
    const std::string_view line = trim(text.substr(header_scanned_, newline - header_scanned_));
    if (line.empty()) {
      HeaderBlock head;
      head.bytes = newline + 1;
      for (std::size_t at = 0; at < header_scanned_;) {
        const std::size_t end = text.find('\n', at);
        read_header_line(text.substr(at, end - at), head);
        at = end + 1;
      }
      return head;
    }
    header_scanned_ = newline + 1;
  }
}

void FrameDecoder::read_header_line(std::string_view line, HeaderBlock& head) {
  // A request line may have a colon as well, but no header's name has a blank in it.
  const std::size_t colon = line.find(':');
  const std::string_view name = trim(line.substr(0, std::min(colon, line.size())));
  if (colon == std::string_view::npos || name.find_first_of(" \t") != std::string_view::npos) {
    head.valid = false;
    return;
  }
  if (!same_name(name, "content-length")) return;
  const std::string_view digits = trim(line.substr(colon + 1));
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  const bool number = error == std::errc{} && end == digits.data() + digits.size() && !digits.empty();
  if (!number || (head.content_length && *head.content_length != length)) head.valid = false;
  head.content_length = length;
}

}  // namespace sluice::proto
