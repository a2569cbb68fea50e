#include "lib/backend/child/process.hpp"

#include <cerrno>
#include <csignal>
#include <new>
#include <system_error>

#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/observe/log.hpp"

namespace sluice::core {
namespace {

// A process whose stdout or stdin is closed is as good as gone: it is about to end, or must be made to.
constexpr auto kSilentTime = milliseconds(200);
// Of the time that a process gets to end: so long the end of its stdin alone has to tell it.
constexpr int kEndParts = 4;
// Of what a child has left in its pipes at its end; more than a pipe holds.
constexpr std::size_t kLastBytesMax = 1024 * 1024;

}  // namespace

ChildProcess::ChildProcess(BackendHub& hub, SpawnedChild process, Dialect dialect, std::string label,
                           StderrLog& log, Owner& owner)
    : hub_(hub),
      process_(std::move(process)),
      configured_(dialect),
      dialect_(spoken_at_first(dialect)),
      label_(std::move(label)),
      log_(log),
      owner_(owner),
      began_(hub.now()),
      decoder_(proto::Framing::header, {}),
      invalid_input_(began_),
      last_heard_(began_) {
  try {
    watch(exit_, process_.exit, true, Poller::kReadable);
    watch(output_, process_.output, true, Poller::kReadable);
    watch(errors_, process_.errors, true, Poller::kReadable);
  } catch (...) {
    kill_and_reap(process_);
    throw;
  }
}

ChildProcess::~ChildProcess() {
  hub_.io().clear_deadline(*this);
  watch_nothing();
  if (process_.pid > 0) kill_and_reap(process_);
}

void ChildProcess::watch_nothing() {
  watch(input_, process_.input, false, 0);
  watch(output_, process_.output, false, 0);
  watch(errors_, process_.errors, false, 0);
  watch(exit_, process_.exit, false, 0);
}

void ChildProcess::watch(Pipe& pipe, const Descriptor& descriptor, bool wanted, std::uint32_t events) {
  if (pipe.watched == wanted) return;
  if (wanted) {
    hub_.io().poller().add(descriptor.get(), events, pipe);
  } else {
    hub_.io().poller().remove(descriptor.get(), pipe);
  }
  pipe.watched = wanted;
}

// A message that there was no memory for the whole of would make one with the next.
template <typename Append>
void ChildProcess::add_message(const Append& append) {
  const std::size_t before = out_.size();
  try {
    append();
    frame(before);
  } catch (const std::bad_alloc&) {
    out_.resize(before);
    throw;
  }
  write_soon();
}

// Makes what is behind `begin` a message of its own.
void ChildProcess::frame(std::size_t begin) {
  if (dialect_ != Dialect::lsp) {
    out_ += '\n';
  } else {
    out_.insert(begin, "Content-Length: " + std::to_string(out_.size() - begin) + "\r\n\r\n");
  }
}

std::uint32_t ChildProcess::new_id() {
  return ids_.next(
      [this](std::uint32_t id) { return id == question_ || id == superseded_ || numbered_.contains(id); });
}

void ChildProcess::send(BackendCall& call, TimePoint now) {
  const bool is_notification = call.call.request.is_notification();
  if (!is_notification) {
    call.wire_id = new_id();
    numbered_.emplace(call.wire_id, &call);
  }
  call.sent_at = written_bytes_ + unsent();
  try {
    add_message([&] { append_call(out_, call.call, call.call.request.method, call.wire_id, dialect_, now); });
  } catch (const std::bad_alloc&) {
    numbered_.erase(call.wire_id);
    throw;
  }
  if (is_notification) return;
  call.assign_to(*this, now);
  ++in_flight_;
}

void ChildProcess::cancel(BackendCall& call) {
  if (input_gone_ || ending_ || unsent() > kUnsentBytesMax) return;
  if (dialect_ == Dialect::jsonrpc) return;
  try {
    add_message([&] { append_cancel(out_, call.wire_id, dialect_); });
  } catch (const std::bad_alloc&) {
    // It goes on until it has done with the call.
  }
}

void ChildProcess::ask(std::string_view method) {
  question_ = new_id();
  add_message([&] { append_question(out_, method, question_); });
}

void ChildProcess::release(BackendCall& call) {
  static_cast<ListHook<BackendChannelTag>&>(call).unlink();
  call.channel = nullptr;
  numbered_.erase(call.wire_id);
  --in_flight_;
  if (call.lingers) --lingering_;
}

// What the iteration brings goes out together.
void ChildProcess::write_soon() {
  if (!input_gone_ && !input_.watched) hub_.io().defer(*this);
  expect_reading();
}

// A call that it has would be past its time by then; notifications have none of their own.
void ChildProcess::expect_reading() {
  if (unsent() <= kUnsentBytesMax || clogged_until_ != TimePoint::max()) return;
  clogged_until_ = hub_.now() + hub_.limits().call_timeout;
  wait_on();
}

void ChildProcess::flush() {
  const bool was_clogged = unsent() > kUnsentBytesMax;
  while (unsent() > 0 && !input_gone_) {
    const ssize_t written = ::write(process_.input.get(), out_.data() + sent_, unsent());
    if (written > 0) {
      clogged_until_ = TimePoint::max();
      sent_ += static_cast<std::size_t>(written);
      written_bytes_ += static_cast<std::size_t>(written);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      return lose_input();
    }
  }
  if (unsent() == 0) {
    out_.clear();
    sent_ = 0;
    if (out_.capacity() > kUnsentBytesMax) out_.shrink_to_fit();
  } else if (sent_ > kUnsentBytesMax) {
    out_.erase(0, std::exchange(sent_, 0));
  }
  try {
    watch(input_, process_.input, unsent() > 0, Poller::kWritable);
  } catch (const std::system_error&) {
    return lose_input();
  }
  expect_reading();
  if (was_clogged && unsent() <= kUnsentBytesMax) owner_.on_writable(*this);
}

void ChildProcess::lose_input() {
  close_input();
  end_soon();
}

// What is in the pipe stays there when the process has gone.
void ChildProcess::count_read_bytes() {
  int unread = 0;
  if (::ioctl(process_.input.get(), FIONREAD, &unread) != 0) unread = 0;
  read_bytes_ = written_bytes_ - static_cast<std::uint64_t>(unread);
}

void ChildProcess::close_input() {
  watch(input_, process_.input, false, 0);
  if (process_.input) count_read_bytes();
  process_.input = Descriptor();
  input_gone_ = true;
  out_.clear();
  sent_ = 0;
  clogged_until_ = TimePoint::max();
}

void ChildProcess::end_soon() {
  ending_ = true;
  if (kill_at_ != TimePoint::max()) return;
  kill_at_ = hub_.now() + kSilentTime;
  wait_on();
}

void ChildProcess::end(milliseconds grace) {
  if (std::exchange(ending_, true)) return;
  // Notifications may wait there that count as done; and it may be at work on one.
  flush();
  close_input();
  terminate_at_ = hub_.now() + grace / kEndParts;
  kill_at_ = std::min(kill_at_, hub_.now() + grace);
  wait_on();
}

void ChildProcess::kill() {
  ending_ = true;
  if (process_.pid > 0) kill_group(process_.pid, SIGKILL);
}

void ChildProcess::wait_on() {
  const TimePoint next = std::min({terminate_at_, kill_at_, read_on_at_, clogged_until_});
  if (next != TimePoint::max()) hub_.io().set_deadline(*this, next);
}

void ChildProcess::on_deadline(TimePoint now) {
  if (now >= terminate_at_) {
    terminate_at_ = TimePoint::max();
    if (process_.pid > 0) kill_group(process_.pid, SIGTERM);
  }
  if (now >= clogged_until_) {
    clogged_until_ = TimePoint::max();
    spdlog::warn("{}: it does not read its stdin; killed", label_);
    kill();
  }
  if (now >= kill_at_) {
    kill_at_ = TimePoint::max();
    kill();
  }
  if (now >= read_on_at_) {
    read_on_at_ = TimePoint::max();
    held_back_ = false;
    watch(output_, process_.output, !output_gone_, Poller::kReadable);
    watch(errors_, process_.errors, !errors_gone_, Poller::kReadable);
  }
  wait_on();
}

// Replies that it had written before its end count.
void ChildProcess::on_exit() {
  ending_ = true;
  if (!output_gone_) drain(process_.output, kLastBytesMax, &ChildProcess::take_output);
  drain(process_.errors, kLastBytesMax, &ChildProcess::take_errors);
  const auto end = reap(process_);
  if (!end) return;
  process_.pid = -1;
  if (!lines_.rest().empty()) reject(lines_.rest(), "half a line at its end");
  say_rest();
  if (!input_gone_) close_input();
  ending_ = input_gone_ = output_gone_ = errors_gone_ = true;
  watch_nothing();
  hub_.io().clear_deadline(*this);
  owner_.on_end(*this, *end);
}

}  // namespace sluice::core
