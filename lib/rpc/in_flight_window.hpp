// In-flight window of a session: bounds its calls, batches and bytes in flight.
#pragma once

#include <cstddef>

#include "lib/call/limits.hpp"
#include "lib/rpc/reply_sink.hpp"

namespace sluice::core {

// Counts what a session and its batches have in flight, and says when no more should be read. A batch counts
// once for itself and once for each of its running entries. I/O thread only. Nothing here allocates or
// throws, but for what the sink does.
class InFlightWindow {
 public:
  // Requests in flight may hold this many times the largest message; then the window is full.
  static constexpr std::size_t kMessagesMax = 2;

  // Both must outlive it. `sink` is notified where a slot becomes free without an answered message.
  InFlightWindow(const Limits& limits, ReplySink& sink) : limits_(limits), sink_(sink) {}

  void add_call(std::size_t bytes) {
    ++calls_;
    bytes_ += bytes;
  }
  void remove_call(std::size_t bytes) {
    --calls_;
    bytes_ -= bytes;
  }

  // `bytes` is what the batch holds: of its request, and later also of its replies.
  void add_batch(std::size_t bytes) {
    ++batches_;
    bytes_ += bytes;
  }
  void remove_batch(std::size_t bytes) {
    --batches_;
    bytes_ -= bytes;
  }
  // A batch holds that much more.
  void add_reply(std::size_t bytes) { bytes_ += bytes; }

  // A batch's entry runs. Its text is the batch's.
  void add_entry() { ++calls_; }
  void remove_entry() {
    --calls_;
    sink_.on_window_open();
  }

  // A batch that was added continues in another time slice; nothing else should be read before.
  void postpone_batch() { ++postponed_batches_; }
  void resume_batch() {
    --postponed_batches_;
    sink_.on_window_open();
  }

  // A batch that was added waits for the window itself. Until it begins it is held, not in flight.
  void hold_batch(std::size_t bytes) {
    ++held_batches_;
    held_batch_bytes_ += bytes;
  }
  void begin_held_batch(std::size_t bytes) {
    --held_batches_;
    held_batch_bytes_ -= bytes;
  }
  void begin_held_batches() { held_batches_ = held_batch_bytes_ = 0; }

  // The client is gone: what goes on belongs to another owner.
  void clear() { calls_ = bytes_ = batches_ = postponed_batches_ = held_batches_ = held_batch_bytes_ = 0; }

  // Calls, entries and batches that have begun.
  std::size_t begun() const { return calls_ + batches_ - held_batches_; }
  // Bytes of calls and batches, including those that wait for the window.
  std::size_t bytes() const { return bytes_; }
  // True if no more should be read for now. Held batches do not count: they would wait for themselves.
  bool full() const {
    const std::size_t in_flight = begun();
    const std::size_t bytes_max = kMessagesMax * limits_.message_bytes_max;
    return in_flight >= limits_.connection_window || postponed_batches_ > 0 ||
           (bytes_ > bytes_max && in_flight > 0 && bytes_ - held_batch_bytes_ > bytes_max);
  }

 private:
  const Limits& limits_;
  ReplySink& sink_;
  std::size_t calls_ = 0;
  std::size_t bytes_ = 0;
  std::size_t batches_ = 0;            // held ones included
  std::size_t postponed_batches_ = 0;  // that continue in another time slice
  std::size_t held_batches_ = 0;
  std::size_t held_batch_bytes_ = 0;  // part of bytes_
};

}  // namespace sluice::core
