// Queue of calls and batches that a session holds beyond its window.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lib/rpc/call_id.hpp"
#include "proto/message.hpp"

namespace sluice::core {

class Batch;

// A message that waits for the window: a call, or a batch.
struct HeldCall {
  std::string text;
  proto::Envelope envelope;
  std::shared_ptr<const Grant> grant;
  std::uint64_t exchange = 0;
  std::optional<std::chrono::milliseconds> timeout;
  std::string traceparent;
  Batch* batch = nullptr;       // null: a call
  std::size_t batch_bytes = 0;  // as InFlightWindow::hold_batch() counted them
  std::uint64_t id_hash = 0;    // see ActiveCall

  bool is_notification() const { return !envelope.id.present(); }
  std::string_view id() const { return envelope.id.in(text); }
};

// FIFO queue. The connection bounds it by the input that it reads meanwhile. I/O thread only.
class HeldCalls {
 public:
  // Throws std::bad_alloc.
  void push(HeldCall call) {
    calls_.push_back(std::move(call));
    text_bytes_ += calls_.back().text.size();
  }
  // The first one; not while empty.
  HeldCall pop() { return take(calls_.begin()); }
  // Takes out the call that is the target. Batches are skipped.
  std::optional<HeldCall> take(const CancelTarget& target);

  bool empty() const { return calls_.empty(); }
  std::size_t size() const { return calls_.size(); }
  // Of calls; batches count their own.
  std::size_t text_bytes() const { return text_bytes_; }
  // True if a call gets a response.
  bool reply_due() const;

 private:
  HeldCall take(std::list<HeldCall>::iterator at);

  std::list<HeldCall> calls_;
  std::size_t text_bytes_ = 0;
};

}  // namespace sluice::core
