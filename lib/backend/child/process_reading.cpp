// What a child process says.
#include <algorithm>
#include <cerrno>
#include <span>

#include <unistd.h>

#include "lib/backend/child/process.hpp"
#include "lib/backend/reply_text.hpp"
#include "lib/observe/log.hpp"
#include "proto/json_text.hpp"
#include "proto/reply.hpp"

namespace sluice::core {
namespace {

constexpr const char* kHeader = "not a message on stdout, but a header; dialect = \"lsp\" expects headers";
constexpr const char* kOwnCall = "not a reply on stdout, but a request of the process, which is ignored";

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

// True where there is no more.
bool ChildProcess::drain(const Descriptor& from, std::size_t bytes_max,
                         void (ChildProcess::*take)(std::string_view)) {
  for (std::size_t total = 0; total < bytes_max;) {
    const std::span<char> space = hub_.io().read_space();
    const ssize_t got = ::read(from.get(), space.data(), std::min(space.size(), bytes_max - total));
    if (got == 0) return true;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno != EAGAIN;
    total += static_cast<std::size_t>(got);
    (this->*take)({space.data(), static_cast<std::size_t>(got)});
  }
  return false;
}

void ChildProcess::read_output() {
  output_gone_ = drain(process_.output, kReadBytesMax, &ChildProcess::take_output);
  if (output_gone_) {
    watch(output_, process_.output, false, 0);
    end_soon();
  }
}

void ChildProcess::take_output(std::string_view bytes) {
  last_heard_ = hub_.now();
  if (dialect_ == Dialect::lsp) {
    take_framed(bytes);
  } else {
    take_lines(bytes);
  }
}

void ChildProcess::take_lines(std::string_view bytes) {
  lines_.feed(
      bytes, hub_.limits().response_bytes_max + kReplyOverheadBytes,
      [this](std::string_view line) { take_line(line); },
      [this](std::string_view start) { take_long_line(start); },
      [this](std::string_view piece, bool is_last) { take_long_rest(piece, is_last); });
  if (lines_.skipped() > proto::kOversizeSkipFactor * hub_.limits().response_bytes_max) {
    spdlog::error("{}: an output line is too long and has no end; killed", label_);
    kill();
  }
}

void ChildProcess::take_framed(std::string_view bytes) {
  decoder_.set_limits({hub_.limits().response_bytes_max + kReplyOverheadBytes});
  window_ += bytes;
  std::size_t done = 0;
  while (const std::size_t used = take_frame(std::string_view(window_).substr(done))) done += used;
  window_.erase(0, std::min(done, window_.size()));
  if (window_.empty() && window_.capacity() > kKeptBytesMax) window_.shrink_to_fit();
}

// Bytes that are done with; 0 where more have to come.
std::size_t ChildProcess::take_frame(std::string_view window) {
  using Kind = proto::FrameEvent::Kind;
  const auto event = decoder_.next(window);
  switch (event.kind) {
    case Kind::need_more:
      if (event.consumed > 0) count_invalid_input(event.consumed);
      break;
    case Kind::message:
      take_message(event.text, decoder_.message());
      break;
    case Kind::malformed:
      take_bad(window.substr(0, event.consumed), {}, "not a message on stdout");
      if (const auto only = only_id()) take_wrong_reply(*only);
      break;
    case Kind::too_big:
      take_long_line(window.substr(event.consumed));
      break;
    case Kind::foreign:  // only where such lines are refused, which they are not here
    case Kind::lost:
      if (ending_) return 0;
      spdlog::error("{}: framing lost: no message can be found in its output; killed", label_);
      kill();
      return 0;
  }
  return event.consumed;
}

void ChildProcess::take_line(std::string_view line) {
  line = without_mark(line);
  if (line.empty()) return count_invalid_input(InvalidInputLimiter::kPieceBytes);
  scanner_.reset();
  const auto status = scanner_.scan(line);
  const bool whole = status == proto::MessageScanner::Status::complete &&
                     line.find_first_not_of(" \t", scanner_.position()) == std::string_view::npos;
  if (whole) return take_message(line, scanner_.message());
  heard_ = true;
  const std::string_view inside = without_control_codes(line);
  if (inside.size() != line.size()) {
    scanner_.reset();
    scanner_.scan(inside);
  }
  take_bad(inside, scanner_.message(),
           inside.starts_with("Content-Length:") ? kHeader : "not a message on stdout");
}

void ChildProcess::take_message(std::string_view text, const proto::Message& message) {
  const bool first = !std::exchange(heard_, true);
  if (first && take_hello(text, message.single)) return;
  const auto reply = proto::read_reply(text, message.single);
  if (!reply) {
    const auto error = proto::read_unnamed_error(text, message.single);
    if (error && take_unnamed(*error)) return;
    const bool asks = message.single.method.present() && !message.is_batch();
    return take_bad(text, message, asks ? kOwnCall : "not a reply on stdout");
  }
  if (answers_question(reply->id)) return owner_.on_answer(*this, reply->result);
  BackendCall* const call = answered_call(reply->id);
  if (call != nullptr) return owner_.on_reply(*this, *call, *reply);
  const bool names_nothing = !reply->error.empty() && !ids_.given(reply->id);
  if (names_nothing && take_unnamed(*reply)) return;
  if (reply->id != superseded_) reject(text, "a reply with an unknown id");
  if (reply->id == superseded_) superseded_ = 0;
}

// Whether it announces what it speaks, and perhaps what it serves.
bool ChildProcess::take_hello(std::string_view text, const proto::Envelope& envelope) {
  if (!is_hello(envelope.method.in(text))) return false;
  const std::string_view params = envelope.params.in(text);
  const Dialect announced = announced_dialect(params);
  if (announced == Dialect::automatic) {
    log_.misbehaved(label_, "no known dialect in rpc.hello", text, hub_.now());
  }
  if (configured_ == Dialect::automatic && announced != Dialect::automatic) dialect_ = announced;
  take_methods(params);
  return true;
}

// What it announces that it serves answers the question for it.
void ChildProcess::take_methods(std::string_view announcement) {
  const auto methods = proto::member(announcement, "methods");
  if (question_ == 0 || !methods || !methods->starts_with('[')) return;
  superseded_ = std::exchange(question_, 0);
  owner_.on_answer(*this, announcement);
}

// Whether it is the error of the one call that there is, which its process did not get as far as to name.
bool ChildProcess::take_unnamed(const proto::Reply& error) {
  const auto only = only_id();
  if (!only) return false;
  if (answers_question(*only)) {
    owner_.on_answer(*this, {});
  } else if (BackendCall* const call = answered_call(*only)) {
    owner_.on_reply(*this, *call, error);
  }
  return true;
}

// No reply, but if it means to be one nothing better will come for the call that it names, or for the one
// that there is. A line of a log that has an id of its own does not.
void ChildProcess::take_bad(std::string_view text, const proto::Message& message, const char* why) {
  reject(text, why);
  // Of those that it has now: the end of one may bring it another.
  const auto only = only_id();
  if (!message.is_batch()) return take_bad_reply(text, message.single, only);
  for (const proto::Envelope& entry : message.entries) take_bad_reply(text, entry, only);
}

void ChildProcess::take_bad_reply(std::string_view text, const proto::Envelope& envelope,
                                  std::optional<std::uint32_t> only) {
  if (!proto::means_reply(envelope) || proto::names_another(text, envelope)) return;
  const auto named = proto::read_reply_id(text, envelope);
  if (const auto id = named ? named : only) take_wrong_reply(*id);
}

void ChildProcess::take_wrong_reply(std::uint32_t id) {
  if (answers_question(id)) return owner_.on_answer(*this, {});
  if (BackendCall* const call = answered_call(id)) owner_.on_bad_reply(*this, *call);
}

// The id of the one thing that it has been asked and has not answered.
std::optional<std::uint32_t> ChildProcess::only_id() const {
  if (in_flight_ + (question_ != 0 ? 1 : 0) != 1) return std::nullopt;
  return question_ != 0 ? question_ : numbered_.begin()->first;
}

// The reply is lost, but the call that it names, or that alone it can be for, is answered.
void ChildProcess::take_long_line(std::string_view start) {
  reject(start, "a line over the size limit on stdout");
  const auto named = oversize_reply_.begin(start);
  if (const auto id = named ? named : only_id()) take_oversize_reply(*id);
}

void ChildProcess::take_long_rest(std::string_view piece, bool is_last) {
  oversize_reply_.feed(piece);
  if (!is_last) return;
  if (const auto id = oversize_reply_.end()) take_oversize_reply(*id);
}

void ChildProcess::take_oversize_reply(std::uint32_t id) {
  if (answers_question(id)) return owner_.on_answer(*this, {});
  if (BackendCall* const call = answered_call(id)) owner_.on_oversize_reply(*this, *call);
}

bool ChildProcess::answers_question(std::uint32_t id) {
  if (question_ == 0 || id != question_) return false;
  question_ = 0;
  return true;
}

// The call by that number; it is not the run's any more. Null where it has none.
BackendCall* ChildProcess::answered_call(std::uint32_t id) {
  const auto found = numbered_.find(id);
  if (found == numbered_.end()) return nullptr;
  BackendCall* const call = found->second;
  release(*call);
  return call;
}

void ChildProcess::reject(std::string_view line, const char* why) {
  log_.misbehaved(label_, why, line, hub_.now());
  count_invalid_input(line.size() + InvalidInputLimiter::kPieceBytes);
}

void ChildProcess::count_invalid_input(std::size_t bytes) {
  if (invalid_input_.count(bytes, hub_.now())) hold_back();
}

// Only its own replies wait.
void ChildProcess::hold_back() {
  if (std::exchange(held_back_, true)) return;
  watch(output_, process_.output, false, 0);
  watch(errors_, process_.errors, false, 0);
  read_on_at_ = invalid_input_.until();
  wait_on();
}

void ChildProcess::read_errors() {
  errors_gone_ = drain(process_.errors, kReadBytesMax, &ChildProcess::take_errors);
  if (!errors_gone_) return;
  watch(errors_, process_.errors, false, 0);
  say_rest();
}

// The last line may lack its end: often it says why the process ends.
void ChildProcess::say_rest() {
  error_lines_.finish([this](std::string_view line) { log_.stderr_line(label_, line, hub_.now()); });
}

void ChildProcess::take_errors(std::string_view bytes) {
  const auto say = [this](std::string_view line) { log_.stderr_line(label_, line, hub_.now()); };
  error_lines_.feed(bytes, kStderrLineBytesMax, say, say, [](std::string_view, bool) {});
  count_invalid_input(bytes.size());
}

}  // namespace sluice::core
