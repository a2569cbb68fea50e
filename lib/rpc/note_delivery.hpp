// Note delivery: from calls to the connections of their clients.
#pragma once

#include "lib/call/active_call.hpp"
#include "lib/call/call_notes.hpp"
#include "lib/call/note_output.hpp"
#include "lib/observe/metrics.hpp"

namespace sluice::core {

// Passes notes on in their order while their call is unanswered, and counts them. I/O thread only.
class NoteDelivery {
 public:
  // `metrics` is the thread's.
  explicit NoteDelivery(MetricsShard& metrics) : metrics_(metrics) {}

  // Sends what waits, as far as there is room; the rest waits at the output. Throws std::bad_alloc; it can be
  // called again.
  void deliver(CallNotes& notes);
  // The call is completed. If it is unanswered, its reply follows at once, and what waits is sent before.
  // Does not throw.
  void finish(ActiveCall& call);
  // The call was answered while its handler goes on.
  static void close(ActiveCall& call);

 private:
  bool send(CallNotes& notes, NoteOutput& output, NoteOutput::Occasion occasion);
  void count_lost(CallNotes& notes);

  MetricsShard& metrics_;
};

}  // namespace sluice::core
