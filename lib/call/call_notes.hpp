// Call notes: the notifications of one call that wait to be sent to its client before its reply.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "lib/include/sluice/call.hpp"

namespace sluice::core {

struct ActiveCall;

// Made by a call's first note, and kept by the call until its completion: a call without notes has only a
// null pointer. Whether the client has asked for notes is found out then. Notes are added by any thread,
// while the call is not completed; they are taken on its I/O thread.
class CallNotes final : public std::enable_shared_from_this<CallNotes> {
 public:
  static constexpr std::size_t kNotesMax = 64;          // that wait
  static constexpr std::size_t kBytesMax = 256 * 1024;  // of those, with their keys

  // The call's notes. The call has begun, and is not completed. Any thread. Throws std::bad_alloc.
  static CallNotes& of(ActiveCall& call);

  explicit CallNotes(ActiveCall& call);

  // Whether the client gets the notes. Any thread.
  bool wanted() const { return wanted_.load(std::memory_order_relaxed); }
  // JSON text of the token by which the client knows its call's progress; empty: it gave none. Valid as long
  // as the call.
  std::string_view token() const { return token_; }

  // Adds one. `method` is the JSON text of a string, `params` JSON text, or empty. One with the same `key`
  // (not empty) replaces the older. Where there are too many, the oldest without a key is dropped.
  // Never blocks but for memory operations. Any thread. Throws std::bad_alloc; then nothing is added.
  NoteResult add(std::string_view method, std::string_view params, std::string_view key);

  // Notes that never came to their client.
  struct Lost {
    std::uint64_t replaced = 0;  // by newer ones
    std::uint64_t dropped = 0;
  };

  // The following for the I/O thread.

  // Null once the call is completed.
  ActiveCall* call() const { return call_; }
  // Moves the oldest note to `text`. False if nothing waits; then the next one is announced by
  // CallHome::deliver_notes().
  bool take(std::string& text);
  // Drops what waits and what is to come.
  void close();
  // The call is completed: as close(), and the call does not keep this any more.
  void end();
  // Those since the last time.
  Lost take_lost();

 private:
  struct Note {
    std::string text;
    std::string key;
    std::size_t bytes() const { return text.size() + key.size(); }
  };

  void read_request();
  std::string compose(std::string_view method, std::string_view params) const;
  NoteResult push(Note&& note);
  bool remove_key(const std::string& key);
  void remove(std::deque<Note>::iterator at);
  void make_room();
  bool must_announce();
  void announce();

  ActiveCall* call_;
  std::shared_ptr<CallNotes> self_;  // the call's
  std::string_view token_;
  std::string_view named_;  // JSON text of the id that notes name; empty: none
  std::atomic<bool> wanted_{false};

  std::mutex mutex_;
  std::deque<Note> waiting_;  // oldest first
  std::size_t bytes_ = 0;
  bool announced_ = false;
  Lost lost_;
};

}  // namespace sluice::core
