// Notes of a connection's calls: how they get into its output.
#include <memory>
#include <utility>

#include "lib/transport/connection.hpp"

namespace sluice::core {

bool Connection::takes_notes() const {
  return codec() && codec()->takes_events() && !ending_.closing() && !ending_.peer_gone();
}

// Notes that wait in the output can't be replaced by newer ones any more.
bool Connection::has_note_room(Occasion occasion) const {
  if (occasion == Occasion::running) return backlog() < ConnectionEvents::kRoomBytes;
  return backlog() <= io_.limits.output_bytes_max / kOutputPauseDivisor;
}

void Connection::send_note(std::string_view note) {
  io_.slices().charge_small(*share(), io_.now(), SmallWork::reply, note.size());
  codec()->send_event({note, {}, {}});
}

void Connection::await_note_room(std::shared_ptr<CallNotes> notes) {
  if (waiting_notes_ == nullptr) waiting_notes_ = std::make_unique<WaitingNotes>();
  waiting_notes_->push_back(std::move(notes));
  io_.defer(*this);
}

// What finds no room waits again, behind the others.
void Connection::deliver_notes() {
  if (ending_.closing() || ending_.peer_gone()) return waiting_notes_.reset();
  if (!has_note_room(Occasion::running)) return;
  const std::unique_ptr<WaitingNotes> waited = std::move(waiting_notes_);
  for (const std::shared_ptr<CallNotes>& notes : *waited) host_.calls().deliver_notes(*notes);
}

}  // namespace sluice::core
