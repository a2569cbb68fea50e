#include "lib/rpc/note_delivery.hpp"

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>

namespace sluice::core {
namespace {

// Null where the client can't be sent notes, or has its answer.
NoteOutput* output_of(const ActiveCall* call) {
  if (call == nullptr || call->answered || call->owner == nullptr) return nullptr;
  NoteOutput* const output = call->owner->note_output();
  return output != nullptr && output->takes_notes() ? output : nullptr;
}

void count(MetricsShard& metrics, NoteFate fate, std::uint64_t notes) {
  metrics.notes[static_cast<std::size_t>(fate)].add(notes);
}

}  // namespace

void NoteDelivery::deliver(CallNotes& notes) {
  NoteOutput* const output = output_of(notes.call());
  if (output == nullptr) {
    notes.close();
  } else if (!send(notes, *output, NoteOutput::Occasion::running)) {
    output->await_note_room(notes.shared_from_this());
  }
  count_lost(notes);
}

void NoteDelivery::finish(ActiveCall& call) {
  CallNotes& notes = *call.notes.load(std::memory_order_acquire);
  const auto keep = notes.shared_from_this();
  try {
    NoteOutput* const output = output_of(&call);
    if (output != nullptr) send(notes, *output, NoteOutput::Occasion::last);
  } catch (const std::bad_alloc&) {
    // The memory that is left is for the reply.
  }
  call.notes.store(nullptr, std::memory_order_relaxed);
  notes.end();
  count_lost(notes);
}

void NoteDelivery::close(ActiveCall& call) {
  if (CallNotes* const notes = call.notes.load(std::memory_order_acquire)) notes->close();
}

// False where there is no room.
bool NoteDelivery::send(CallNotes& notes, NoteOutput& output, NoteOutput::Occasion occasion) {
  std::string text;
  while (output.has_note_room(occasion)) {
    if (!notes.take(text)) return true;
    output.send_note(text);
    count(metrics_, NoteFate::sent, 1);
  }
  return false;
}

void NoteDelivery::count_lost(CallNotes& notes) {
  const CallNotes::Lost lost = notes.take_lost();
  count(metrics_, NoteFate::replaced, lost.replaced);
  count(metrics_, NoteFate::dropped, lost.dropped);
}

}  // namespace sluice::core
