#include "lib/backend/child/writer.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace sluice::core {

ChildWriter::ChildWriter(EventLoop& loop, Descriptor input, const Limits& limits, Callbacks& callbacks)
    : loop_(loop), input_(std::move(input)), limits_(limits), callbacks_(callbacks) {}

ChildWriter::~ChildWriter() {
  loop_.clear_deadline(*this);
  watch(false);
}

// Makes what is behind `begin` a message of its own.
void ChildWriter::frame(Dialect dialect, std::size_t begin) {
  if (dialect != Dialect::lsp) {
    out_ += '\n';
  } else {
    out_.insert(begin, "Content-Length: " + std::to_string(out_.size() - begin) + "\r\n\r\n");
  }
}

void ChildWriter::write_soon() {
  if (!closed_ && !watched_) loop_.defer(*this);
  expect_reading();
}

// A call that the child has would be past its time by then; notifications have no time limit of their own.
void ChildWriter::expect_reading() {
  if (unsent() <= kUnsentBytesMax || std::exchange(stalling_, true)) return;
  loop_.set_deadline(*this, loop_.now() + limits_.call_timeout);
}

void ChildWriter::on_deadline(TimePoint) {
  if (std::exchange(stalling_, false)) callbacks_.on_stalled();
}

void ChildWriter::flush() {
  const bool was_clogged = unsent() > kUnsentBytesMax;
  while (unsent() > 0 && !closed_) {
    const ssize_t written = ::write(input_.get(), out_.data() + sent_, unsent());
    if (written > 0) {
      stalling_ = false;
      sent_ += static_cast<std::size_t>(written);
      written_bytes_ += static_cast<std::size_t>(written);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      return lose_input();
    }
  }
  drop_sent();
  try {
    watch(unsent() > 0);
  } catch (const std::system_error&) {
    return lose_input();
  }
  expect_reading();
  if (was_clogged && unsent() <= kUnsentBytesMax) callbacks_.on_writable();
}

void ChildWriter::drop_sent() {
  if (unsent() == 0) {
    out_.clear();
    sent_ = 0;
    if (out_.capacity() > kUnsentBytesMax) out_.shrink_to_fit();
  } else if (sent_ > kUnsentBytesMax) {
    out_.erase(0, std::exchange(sent_, 0));
  }
}

void ChildWriter::watch(bool wanted) {
  if (watched_ == wanted) return;
  if (wanted) {
    loop_.poller().add(input_.get(), Poller::kWritable, *this);
  } else {
    loop_.poller().remove(input_.get(), *this);
  }
  watched_ = wanted;
}

void ChildWriter::lose_input() {
  close();
  callbacks_.on_input_lost();
}

// What is in the pipe stays there when the process has gone.
void ChildWriter::count_read_bytes() {
  int unread = 0;
  if (::ioctl(input_.get(), FIONREAD, &unread) != 0) unread = 0;
  read_bytes_ = written_bytes_ - static_cast<std::uint64_t>(unread);
}

void ChildWriter::close() {
  watch(false);
  if (input_) count_read_bytes();
  input_ = Descriptor();
  closed_ = true;
  out_.clear();
  sent_ = 0;
  stalling_ = false;
  loop_.clear_deadline(*this);
}

}  // namespace sluice::core
