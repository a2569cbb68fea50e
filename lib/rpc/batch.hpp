// Batch: runs its entries and joins their replies.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/call/active_call.hpp"
#include "lib/loop/time_slice.hpp"
#include "lib/rpc/call_defaults.hpp"
#include "lib/rpc/call_executor.hpp"
#include "lib/rpc/call_id.hpp"
#include "lib/rpc/control_methods.hpp"
#include "lib/rpc/in_flight_window.hpp"
#include "proto/message.hpp"

namespace sluice::core {

class Batch;

// Keeps batches until they have ended: a session, and OrphanedCalls once the client is gone. I/O thread only.
class BatchOwner : public CallOwner {
 public:
  // All its entries are answered, and `reply` joins their replies (empty: none is due). Destroys the batch.
  virtual void on_batch_finished(Batch& batch, std::string& reply) = 0;
  // Where events go that an entry of the batch subscribes to. Throws std::bad_alloc.
  virtual EventTarget event_target_of(Batch&) { return {}; }

 protected:
  ~BatchOwner() = default;
};

// What a batch uses of the session that received it.
struct BatchSession {
  BatchOwner& owner;
  InFlightWindow& window;
  ControlMethods& control;
  PeerShare* share;  // whose time it takes
};

// Runs a batch's entries, at most `batch_width` at once, each admitted on its own, and joins their replies in
// the order of the requests. Owned by its session. If the client disconnects, by OrphanedCalls until its
// notifications have run. Many entries are started in several time slices, and nothing else of the connection
// in between. I/O thread only.
class Batch final : public CallOwner, private SlicedWork {
 public:
  // Copies the batch's text, and takes its entries (at least one). All of them are called under `grant`.
  Batch(CallExecutor& executor, const BatchSession& session, std::string_view text,
        std::vector<proto::Envelope> entries, TimePoint received, std::shared_ptr<const Grant> grant,
        std::uint64_t exchange, const CallDefaults& defaults);

  // Starts as many entries as may run now. May end the batch, and with it this object. Throws
  // std::bad_alloc where there is no memory for the joint reply.
  void advance();

  // Cancels the entry that is the target; false if no such entry waits or runs.
  bool cancel(const CancelTarget& target);

  // Answers what has not been answered. May end the batch, and with it this object.
  void abort_all(const proto::Error& error);

  // The client is gone: nothing more is sent, and replies are released; requests are stopped or never
  // started, notifications go on if `runs_notifications`. The next owner keeps this object already, and may
  // find it gone afterwards.
  void client_gone(BatchOwner& next_owner, bool runs_notifications);

  void on_answer(ActiveCall& call, std::string& reply, std::int64_t code) override;
  void on_answer_lost() override;
  std::string peer() const override;
  EventTarget event_target(const ActiveCall&) override { return owner_->event_target_of(*this); }
  NoteOutput* note_output() override { return owner_->note_output(); }

  // True if all entries are control messages, which do not wait for the window.
  bool is_control() const;

  std::uint64_t exchange() const { return exchange_; }
  // True if any of its entries gets a response.
  bool reply_due() const;
  // Bytes of the request and of its replies so far.
  std::size_t held_bytes() const { return held_bytes_; }
  // Bytes of the request alone; constant.
  std::size_t request_bytes() const { return request_bytes_; }

 private:
  // An entry's id, for look-ups.
  struct EntryId {
    std::uint64_t hash;
    std::size_t index;
    auto operator<=>(const EntryId&) const = default;
  };

  void on_slice() override;
  void start_entries();
  void postpone();
  void leave_share();
  void start_entry(std::size_t index);
  void set_reply(std::size_t index, std::string& reply);
  void refuse_entry(std::size_t index, std::string reply) { set_reply(index, reply); }
  bool join();
  void release_replies();
  std::string_view id_of(std::size_t index) const;
  void index_ids();
  void finish();

  CallExecutor& executor_;
  BatchOwner* owner_;
  InFlightWindow* window_;   // its session's; null: the client is gone
  ControlMethods* control_;  // likewise
  const std::string text_;
  const std::vector<proto::Envelope> entries_;
  std::vector<std::string> replies_;  // by entry; empty where none is due
  std::vector<EntryId> ids_;          // sorted, once a cancel has asked for them
  std::vector<bool> cancelled_;       // by entry: not to be started any more
  const TimePoint received_;
  const std::shared_ptr<const Grant> grant_;
  const std::uint64_t exchange_;
  const std::string traceparent_;
  const CallDefaults defaults_;  // its text is in traceparent_
  const std::size_t reply_bytes_max_;
  static constexpr std::size_t kBracketBytes = 2;
  std::size_t reply_bytes_ = kBracketBytes;  // of the reply as far as it is known
  const std::size_t request_bytes_;          // with what entries take beside their texts
  std::size_t held_bytes_ = request_bytes_;
  std::string joint_;       // the reply, once all entries are answered
  std::size_t joined_ = 0;  // entries whose replies are in it
  std::size_t next_ = 0;    // the first entry not started
  std::size_t running_ = 0;
  bool ids_known_ = false;
  bool advancing_ = false;
};

}  // namespace sluice::core
