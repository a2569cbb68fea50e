// Note output: where the notes of calls go, a client's connection.
#pragma once

#include <memory>
#include <string_view>

namespace sluice::core {

class CallNotes;

// I/O thread only. As it is here, of a client that can't be sent notes.
class NoteOutput {
 public:
  // When a note is to be sent.
  enum class Occasion {
    running,  // its call runs on: the note may wait
    last,     // the call's reply follows at once: what finds no room is dropped
  };

  // Whether the client can be sent notes at all.
  virtual bool takes_notes() const { return false; }
  // Whether so little output waits that a note may be added to it.
  virtual bool has_note_room(Occasion) const { return false; }
  // Frames one note, a line without its end. Throws std::bad_alloc; then nothing is written.
  virtual void send_note(std::string_view) {}
  // Has the notes delivered once there is room. Throws std::bad_alloc.
  virtual void await_note_room(std::shared_ptr<CallNotes>) {}

 protected:
  ~NoteOutput() = default;
};

}  // namespace sluice::core
