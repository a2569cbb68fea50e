#include "lib/backend/child/process.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <new>
#include <span>

#include <unistd.h>

#include "lib/observe/log.hpp"
#include "proto/json_text.hpp"

namespace sluice::core {
namespace {

// Of what a child has left in its pipes at its end; more than a pipe holds.
constexpr std::size_t kLastBytesMax = 1024 * 1024;

}  // namespace

ChildProcess::ChildProcess(BackendHub& hub, SpawnedChild process, Dialect dialect, std::string label,
                           StderrLog& log, Owner& owner)
    : hub_(hub),
      process_(std::move(process)),
      label_(std::move(label)),
      log_(log),
      owner_(owner),
      began_(hub.now()),
      writer_(hub.io(), std::move(process_.input), hub.limits(), *this),
      output_(dialect, *this),
      invalid_input_(began_),
      notes_(began_, InvalidInputLimiter::kNoteBytesMax),
      last_heard_(began_) {
  try {
    watch(exit_pipe_, true);
    watch(output_pipe_, true);
    watch(error_pipe_, true);
  } catch (...) {
    kill_and_reap(process_);
    throw;
  }
}

ChildProcess::~ChildProcess() {
  hub_.io().clear_deadline(*this);
  for (Pipe* const pipe : {&output_pipe_, &error_pipe_, &exit_pipe_}) watch(*pipe, false);
  if (process_.pid > 0) kill_and_reap(process_);
}

void ChildProcess::watch(Pipe& pipe, bool wanted) {
  if (pipe.watched == wanted) return;
  if (wanted) {
    hub_.io().poller().add(pipe.descriptor.get(), Poller::kReadable, pipe);
  } else {
    hub_.io().poller().remove(pipe.descriptor.get(), pipe);
  }
  pipe.watched = wanted;
}

void ChildProcess::send(BackendCall& call, TimePoint now) {
  const bool is_notification = call.call.request.is_notification();
  if (!is_notification) {
    call.wire_id = pending_.new_id();
    pending_.add(call.wire_id, &call);
  }
  call.sent_at = writer_.position();
  try {
    writer_.add(output_.dialect(), [&](std::string& out) {
      append_call(out, call.call, call.call.request.method, call.wire_id, output_.dialect(), now);
    });
  } catch (const std::bad_alloc&) {
    pending_.remove(call.wire_id);
    throw;
  }
  if (!is_notification) call.assign_to(*this, now);
}

void ChildProcess::cancel(BackendCall& call) {
  if (!takes_calls() || output_.dialect() == Dialect::jsonrpc) return;
  try {
    writer_.add(output_.dialect(),
                [&](std::string& out) { append_cancel(out, call.wire_id, output_.dialect()); });
  } catch (const std::bad_alloc&) {
    // The child goes on with the call to its end.
  }
}

void ChildProcess::ask(std::string_view method) {
  question_ = pending_.new_id();
  pending_.add(question_, nullptr);
  writer_.add(output_.dialect(), [&](std::string& out) { append_question(out, method, question_); });
}

void ChildProcess::release(BackendCall& call) {
  static_cast<ListHook<BackendChannelTag>&>(call).unlink();
  call.channel = nullptr;
  pending_.remove(call.wire_id);
  if (call.lingers) --lingering_;
}

bool ChildProcess::on_reply(std::uint32_t id, const proto::Reply& reply) {
  if (answers_question(id)) {
    owner_.on_answer(*this, reply.result);
    return true;
  }
  BackendCall* const call = answered_call(id);
  if (call != nullptr) owner_.on_reply(*this, *call, reply);
  return call != nullptr;
}

void ChildProcess::on_unnamed_error(std::uint32_t id, const proto::Reply& error) {
  if (answers_question(id)) return owner_.on_answer(*this, {});
  if (BackendCall* const call = answered_call(id)) owner_.on_reply(*this, *call, error);
}

bool ChildProcess::on_bad_reply(std::uint32_t id) {
  if (answers_question(id)) {
    owner_.on_answer(*this, {});
    return true;
  }
  BackendCall* const call = answered_call(id);
  if (call != nullptr) owner_.on_bad_reply(*this, *call);
  return call != nullptr;
}

void ChildProcess::on_oversize_reply(std::uint32_t id) {
  if (answers_question(id)) return owner_.on_answer(*this, {});
  if (BackendCall* const call = answered_call(id)) owner_.on_oversize_reply(*this, *call);
}

// Methods that it announces answer the question for it.
void ChildProcess::on_hello(std::string_view text, std::string_view params, Dialect announced) {
  if (announced == Dialect::automatic) {
    log_.misbehaved(label_, "no known dialect in rpc.hello", text, hub_.now());
  }
  const auto methods = proto::member(params, "methods");
  if (question_ == 0 || !methods || !methods->starts_with('[')) return;
  pending_.expect_late(question_);
  answers_question(question_);
  owner_.on_answer(*this, params);
}

bool ChildProcess::answers_question(std::uint32_t id) {
  if (question_ == 0 || id != question_) return false;
  pending_.remove(std::exchange(question_, 0));
  return true;
}

// The call with that id; it is not the process's any more. Null where no call has it.
BackendCall* ChildProcess::answered_call(std::uint32_t id) {
  BackendCall* const call = pending_.find(id);
  if (call != nullptr) release(*call);
  return call;
}

void ChildProcess::reject(std::string_view line, const char* why) {
  log_.misbehaved(label_, why, line, hub_.now());
  count_invalid_input(line.size() + InvalidInputLimiter::kPieceBytes);
}

void ChildProcess::count_invalid_input(std::size_t bytes) {
  if (invalid_input_.count(bytes, hub_.now())) stop_reading(invalid_input_.until());
}

// Only its own replies wait.
void ChildProcess::stop_reading(TimePoint until) {
  if (read_on_at_ != TimePoint::max()) return;
  watch(output_pipe_, false);
  watch(error_pipe_, false);
  read_on_at_ = until;
  await_next();
}

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
  output_pipe_.ended = drain(process_.output, kReadBytesMax, &ChildProcess::take_output);
  if (!output_pipe_.ended) return;
  watch(output_pipe_, false);
  expect_end();
}

void ChildProcess::take_output(std::string_view bytes) {
  last_heard_ = hub_.now();
  output_.take(bytes, hub_.limits().response_bytes_max);
}

void ChildProcess::read_errors() {
  error_pipe_.ended = drain(process_.errors, kReadBytesMax, &ChildProcess::take_errors);
  if (!error_pipe_.ended) return;
  watch(error_pipe_, false);
  log_last_error();
}

void ChildProcess::take_errors(std::string_view bytes) {
  const auto log = [this](std::string_view line) { log_.stderr_line(label_, line, hub_.now()); };
  error_lines_.feed(bytes, kStderrLineBytesMax, log, log, [](std::string_view, bool) {});
  count_invalid_input(bytes.size());
}

// The last line may lack its end: often it says why the process ends.
void ChildProcess::log_last_error() {
  error_lines_.finish([this](std::string_view line) { log_.stderr_line(label_, line, hub_.now()); });
}

void ChildProcess::on_unreadable(ChildOutput::Unreadable why) {
  const bool endless = why == ChildOutput::Unreadable::endless_line;
  if (!endless && ending()) return;
  spdlog::error("{}: {}; killed", label_,
                endless ? "an output line is too long and has no end"
                        : "framing lost: no message can be found in its output");
  kill();
}

void ChildProcess::on_stalled() {
  spdlog::warn("{}: it does not read its stdin; killed", label_);
  kill();
}

void ChildProcess::expect_end() {
  termination_.expect_end(hub_.now());
  await_next();
}

void ChildProcess::end(milliseconds grace) {
  if (ending()) return;
  termination_.begin();
  // Notifications may wait there that count as done; and it may be at work on one.
  writer_.flush();
  writer_.close();
  termination_.allow(grace, hub_.now());
  await_next();
}

void ChildProcess::kill() {
  termination_.begin();
  if (process_.pid > 0) kill_group(process_.pid, SIGKILL);
}

void ChildProcess::await_next() {
  const TimePoint due = std::min(termination_.next(), read_on_at_);
  if (due != TimePoint::max()) hub_.io().set_deadline(*this, due);
}

void ChildProcess::on_deadline(TimePoint now) {
  while (const int signal = termination_.take_signal(now)) {
    if (process_.pid > 0) kill_group(process_.pid, signal);
  }
  if (now >= read_on_at_) {
    read_on_at_ = TimePoint::max();
    watch(output_pipe_, !output_pipe_.ended);
    watch(error_pipe_, !error_pipe_.ended);
  }
  await_next();
}

// Replies that it had written before its end count.
void ChildProcess::on_exit() {
  termination_.begin();
  if (!output_pipe_.ended) drain(process_.output, kLastBytesMax, &ChildProcess::take_output);
  drain(process_.errors, kLastBytesMax, &ChildProcess::take_errors);
  const auto end = reap(process_);
  if (!end) return;
  process_.pid = -1;
  output_.finish();
  log_last_error();
  if (!writer_.closed()) writer_.close();
  for (Pipe* const pipe : {&output_pipe_, &error_pipe_, &exit_pipe_}) {
    pipe->ended = true;
    watch(*pipe, false);
  }
  hub_.io().clear_deadline(*this);
  owner_.on_end(*this, *end);
}

}  // namespace sluice::core
