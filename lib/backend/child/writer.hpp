// Writer of a child process's stdin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>

#include "lib/backend/backend_settings.hpp"
#include "lib/base/descriptor.hpp"
#include "lib/call/limits.hpp"
#include "lib/loop/event_loop.hpp"

namespace sluice::core {

// Messages are lines, or have headers in the dialect `lsp`. What an iteration brings goes out together, as
// fast as the child reads. A child that reads nothing of a full buffer for as long as a call may take has
// stalled. Event loop's thread only.
class ChildWriter final : private Watched, private DeferredTask, private Deadline {
 public:
  static constexpr std::size_t kUnsentBytesMax = 256 * 1024;  // past it the child gets no more calls

  // None of these may destroy the writer.
  class Callbacks {
   public:
    // It takes calls again.
    virtual void on_writable() = 0;
    // The child has closed its stdin; so is the writer.
    virtual void on_input_lost() = 0;
    virtual void on_stalled() = 0;

   protected:
    ~Callbacks() = default;
  };

  // `input` is non-blocking. `limits` must outlive the writer.
  ChildWriter(EventLoop& loop, Descriptor input, const Limits& limits, Callbacks& callbacks);
  ~ChildWriter();

  bool takes_calls() const { return !closed_ && unsent() <= kUnsentBytesMax; }
  bool closed() const { return closed_; }
  // How many bytes are before the next message, of all that were written or wait.
  std::uint64_t position() const { return written_bytes_ + unsent(); }
  // Of those, how many the process has read; known when the writer is closed.
  std::uint64_t read_bytes() const { return read_bytes_; }

  // Adds the message that `append(std::string&)` appends to its argument. Throws std::bad_alloc where nothing
  // was added.
  template <typename Append>
  void add(Dialect dialect, const Append& append);
  // Writes now what can be written.
  void flush();
  // Closes the child's stdin. What was not written is dropped.
  void close();

 private:
  std::size_t unsent() const { return out_.size() - sent_; }
  void frame(Dialect dialect, std::size_t begin);
  void write_soon();
  void drop_sent();
  void watch(bool wanted);
  void expect_reading();
  void count_read_bytes();
  void lose_input();
  void on_ready(std::uint32_t) override { flush(); }
  void on_deferred() override { flush(); }
  void on_deadline(TimePoint now) override;

  EventLoop& loop_;
  Descriptor input_;
  const Limits& limits_;
  Callbacks& callbacks_;
  std::string out_;
  std::size_t sent_ = 0;             // bytes at the front of out_ that are with the kernel
  std::uint64_t written_bytes_ = 0;  // to the kernel, in all
  std::uint64_t read_bytes_ = 0;
  bool watched_ = false;
  bool stalling_ = false;  // the child is to read something by the deadline
  bool closed_ = false;
};

// A message that there was no memory for the whole of would make one with the next.
template <typename Append>
void ChildWriter::add(Dialect dialect, const Append& append) {
  const std::size_t before = out_.size();
  try {
    append(out_);
    frame(dialect, before);
  } catch (const std::bad_alloc&) {
    out_.resize(before);
    throw;
  }
  write_soon();
}

}  // namespace sluice::core
