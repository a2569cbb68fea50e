// What a child process says.
#include <cerrno>
#include <span>

#include <unistd.h>

#include "lib/backend/child_run.hpp"
#include "lib/observe/log.hpp"
#include "proto/reply.hpp"

namespace sluice::core {
// True where there is no more.
bool ChildRun::drain(const Descriptor& from, std::size_t bytes_max,
                     void (ChildRun::*take)(std::string_view)) {
  for (std::size_t total = 0; total < bytes_max;) {
    const std::span<char> space = hub_.io().reads().space();
    const ssize_t got = ::read(from.get(), space.data(), std::min(space.size(), bytes_max - total));
    if (got == 0) return true;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno != EAGAIN;
    total += static_cast<std::size_t>(got);
    (this->*take)({space.data(), static_cast<std::size_t>(got)});
  }
  return false;
}

void ChildRun::read_output() {
  output_gone_ = drain(process_.output, kReadBytesMax, &ChildRun::take_output);
  if (output_gone_) {
    watch(output_, process_.output, false, 0);
    end_soon();
  }
}

void ChildRun::take_output(std::string_view bytes) {
  lines_.feed(
      bytes, hub_.limits().response_bytes_max + kReplyOverheadBytes,
      [this](std::string_view line) { take_line(line); },
      [this](std::string_view start) { take_long_line(start); },
      [this](std::string_view piece, bool is_last) { take_long_rest(piece, is_last); });
  if (lines_.skipped() > proto::kOversizeSkipFactor * hub_.limits().response_bytes_max) {
    spdlog::error("{}: it writes a line without an end; killed", label_);
    kill();
  }
}

void ChildRun::take_line(std::string_view line) {
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  if (line.empty()) return count_rubbish(RubbishMeter::kPieceBytes);
  scanner_.reset();
  const auto status = scanner_.scan(line);
  const bool whole = status == proto::MessageScanner::Status::complete &&
                     line.find_first_not_of(" \t", scanner_.position()) == std::string_view::npos;
  if (!whole) return take_bad_line(line, "not a message on stdout");
  const auto reply = proto::read_reply(line, scanner_.message().single);
  if (!reply) return take_bad_line(line, "not a reply on stdout");
  if (answers_question(reply->id)) return owner_.on_answer(*this, reply->result);
  BackendCall* const call = answered_call(reply->id);
  if (call == nullptr) return reject(line, "a reply to nothing that it was asked");
  owner_.on_reply(*this, *call, *reply);
}

// No reply, but if it means to be one, by its id, nothing better will come for that call. A line of a log
// that has an id of its own does not.
void ChildRun::take_bad_line(std::string_view line, const char* why) {
  reject(line, why);
  const proto::Envelope& envelope = scanner_.message().single;
  const auto id = proto::means_reply(envelope) ? proto::read_reply_id(line, envelope) : std::nullopt;
  if (!id) return;
  if (answers_question(*id)) return owner_.on_answer(*this, {});
  if (BackendCall* const call = answered_call(*id)) owner_.on_bad_reply(*this, *call);
}

// The reply is lost, but the call that it names, or that alone it can be for, is answered.
void ChildRun::take_long_line(std::string_view start) {
  reject(start, "a line over the size limit on stdout");
  const auto id = long_reply_.begin(start);
  if (id) return take_long_reply(*id);
  BackendCall* const only = in_flight_ == 1 && question_ == 0 ? calls.front() : nullptr;
  if (only != nullptr) take_long_reply(only->serial);
}

void ChildRun::take_long_rest(std::string_view piece, bool is_last) {
  long_reply_.feed(piece);
  if (!is_last) return;
  if (const auto id = long_reply_.end()) take_long_reply(*id);
}

void ChildRun::take_long_reply(std::uint64_t id) {
  if (answers_question(id)) return owner_.on_answer(*this, {});
  if (BackendCall* const call = answered_call(id)) owner_.on_long_reply(*this, *call);
}

bool ChildRun::answers_question(std::uint64_t id) {
  if (question_ == 0 || id != question_) return false;
  question_ = 0;
  return true;
}

// The call by that number, where it was handed to this process; it is not the run's any more.
BackendCall* ChildRun::answered_call(std::uint64_t id) {
  BackendCall* const call = hub_.find(id);
  if (call == nullptr || call->carrier != this) return nullptr;
  last_reply_ = hub_.now();
  release(*call);
  return call;
}

void ChildRun::reject(std::string_view line, const char* why) {
  log_.misbehaved(label_, why, line, hub_.now());
  count_rubbish(line.size() + RubbishMeter::kPieceBytes);
}

void ChildRun::count_rubbish(std::size_t bytes) {
  if (rubbish_.count(bytes, hub_.now())) hold_back();
}

// Its own replies wait for it, and nobody else's.
void ChildRun::hold_back() {
  if (std::exchange(held_back_, true)) return;
  watch(output_, process_.output, false, 0);
  watch(errors_, process_.errors, false, 0);
  read_on_at_ = rubbish_.until();
  wait_on();
}

void ChildRun::read_errors() {
  errors_gone_ = drain(process_.errors, kReadBytesMax, &ChildRun::take_errors);
  if (!errors_gone_) return;
  watch(errors_, process_.errors, false, 0);
  say_rest();
}

// The last line may lack its end: often it says why the process ends.
void ChildRun::say_rest() {
  error_lines_.finish([this](std::string_view line) { log_.said(label_, line, hub_.now()); });
}

void ChildRun::take_errors(std::string_view bytes) {
  const auto say = [this](std::string_view line) { log_.said(label_, line, hub_.now()); };
  error_lines_.feed(bytes, kStderrLineBytesMax, say, say, [](std::string_view, bool) {});
  count_rubbish(bytes.size());
}

}  // namespace sluice::core
