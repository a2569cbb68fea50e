#include "lib/backend/child/output.hpp"

#include <algorithm>

#include "lib/backend/invalid_input_limiter.hpp"
#include "lib/backend/reply_text.hpp"

namespace sluice::core {
namespace {

constexpr const char* kNotMessage = "not a message on stdout";
constexpr const char* kHeader = "not a message on stdout, but a header; dialect = \"lsp\" expects headers";
constexpr ReplyReader::Texts kTexts = {
    .not_a_reply = "not a reply on stdout",
    .own_call = "not a reply on stdout, but a request of the process, which is ignored",
    .unknown_id = "a reply with an unknown id",
};

// Without the white space and the byte order mark that may be in front of a message.
std::string_view without_mark(std::string_view line) {
  const auto skip_blanks = [&line] {
    while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
  };
  skip_blanks();
  if (line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  skip_blanks();
  return line;
}

}  // namespace

ChildOutput::ChildOutput(Dialect configured, Callbacks& callbacks)
    : callbacks_(callbacks), reader_(configured, kTexts, callbacks), decoder_(proto::Framing::header, {}) {}

void ChildOutput::take(std::string_view bytes, std::size_t response_bytes_max) {
  if (dialect() == Dialect::lsp) {
    take_framed(bytes, response_bytes_max);
  } else {
    take_lines(bytes, response_bytes_max);
  }
}

void ChildOutput::finish() {
  if (!lines_.rest().empty()) callbacks_.reject(lines_.rest(), "half a line at its end");
}

void ChildOutput::take_lines(std::string_view bytes, std::size_t response_bytes_max) {
  lines_.feed(
      bytes, response_bytes_max + kReplyOverheadBytes, [this](std::string_view line) { take_line(line); },
      [this](std::string_view start) { take_oversize_start(start); },
      [this](std::string_view piece, bool is_last) { take_oversize_rest(piece, is_last); });
  if (lines_.skipped() > proto::kOversizeSkipFactor * response_bytes_max) {
    callbacks_.on_unreadable(Unreadable::endless_line);
  }
}

void ChildOutput::take_framed(std::string_view bytes, std::size_t response_bytes_max) {
  decoder_.set_limits({response_bytes_max + kReplyOverheadBytes});
  window_ += bytes;
  std::size_t done = 0;
  while (const std::size_t used = take_frame(std::string_view(window_).substr(done))) done += used;
  window_.erase(0, std::min(done, window_.size()));
  if (window_.empty() && window_.capacity() > kKeptBytesMax) window_.shrink_to_fit();
}

// Bytes that are processed; 0 where more have to come.
std::size_t ChildOutput::take_frame(std::string_view window) {
  using Kind = proto::FrameEvent::Kind;
  const auto event = decoder_.next(window);
  switch (event.kind) {
    case Kind::need_more:
      if (event.consumed > 0) callbacks_.count_invalid_input(event.consumed);
      break;
    case Kind::message:
      reader_.take_message(event.text, decoder_.message());
      break;
    case Kind::malformed:
      take_malformed(window.substr(0, event.consumed));
      break;
    case Kind::too_big:
      take_oversize_start(window.substr(event.consumed));
      break;
    case Kind::foreign:  // only where such lines are refused, which they are not here
    case Kind::lost:
      callbacks_.on_unreadable(Unreadable::no_message);
      return 0;
  }
  return event.consumed;
}

void ChildOutput::take_malformed(std::string_view text) {
  callbacks_.reject(text, kNotMessage);
  if (const auto only = callbacks_.only_call()) callbacks_.on_bad_reply(*only);
}

void ChildOutput::take_line(std::string_view line) {
  line = without_mark(line);
  if (line.empty()) return callbacks_.count_invalid_input(InvalidInputLimiter::kPieceBytes);
  scanner_.reset();
  const auto status = scanner_.scan(line);
  const bool whole = status == proto::MessageScanner::Status::complete &&
                     line.find_first_not_of(" \t", scanner_.position()) == std::string_view::npos;
  if (whole) {
    reader_.take_message(line, scanner_.message());
    return;
  }
  reader_.end_hello();
  const std::string_view inside = without_control_codes(line);
  callbacks_.reject(inside, inside.starts_with("Content-Length:") ? kHeader : kNotMessage);
  reader_.take_broken(line, scanner_.message());
}

// The reply is lost, but the call that it names, or that alone it can be for, is answered.
void ChildOutput::take_oversize_start(std::string_view start) {
  callbacks_.reject(start, "a line over the size limit on stdout");
  const auto named = oversize_reply_.begin(start);
  if (const auto id = named ? named : callbacks_.only_call()) callbacks_.on_oversize_reply(*id);
}

void ChildOutput::take_oversize_rest(std::string_view piece, bool is_last) {
  oversize_reply_.feed(piece);
  if (!is_last) return;
  if (const auto id = oversize_reply_.end()) callbacks_.on_oversize_reply(*id);
}

}  // namespace sluice::core
