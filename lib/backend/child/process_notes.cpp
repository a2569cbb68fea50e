// Notes of a child process: to which of its calls they belong.
#include <new>

#include "lib/backend/child/process.hpp"
#include "lib/call/call_notes.hpp"

namespace sluice::core {

// A note that comes after the reply of its call is dropped.
bool ChildProcess::on_note(const WireNote& note) {
  BackendCall* call = nullptr;
  try {
    call = call_of(note);
    const bool late = call == nullptr && note.call && pending_.given(*note.call);
    if (call == nullptr && !late) return false;
    if (call != nullptr && !call->stopped) {
      CallNotes::of(call->call).add(note.method, note.params, note.key);
    }
  } catch (const std::bad_alloc&) {
    // Only the note is lost.
  }
  const std::size_t bytes = note.method.size() + note.params.size() + InvalidInputLimiter::kPieceBytes;
  if (notes_.count(bytes, hub_.now())) stop_reading(notes_.until());
  return true;
}

BackendCall* ChildProcess::call_of(const WireNote& note) const {
  if (note.names_call) return note.call ? pending_.find(*note.call) : nullptr;
  if (const auto only = pending_.only_id()) return pending_.find(*only);
  if (note.token.empty()) return nullptr;
  return pending_.find_if(
      [&](const BackendCall& each) { return CallNotes::of(each.call).token() == note.token; });
}

}  // namespace sluice::core
