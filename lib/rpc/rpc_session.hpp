// The calls of one client connection, whatever it speaks.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/access/caller.hpp"
#include "lib/base/result.hpp"
#include "lib/rpc/call_defaults.hpp"
#include "lib/rpc/call_executor.hpp"
#include "lib/rpc/call_id.hpp"
#include "proto/message.hpp"
#include "proto/response_writer.hpp"

namespace sluice::core {

class Batch;

// Where a connection's replies go.
class ReplySink {
 public:
  // The message that was received under `exchange` is settled; `reply` is its answer, to be framed and
  // sent, or empty where none is due, `code` its error's code (0: a result, or a batch). Its memory may be
  // taken.
  virtual void on_reply(std::uint64_t exchange, std::string& reply, std::int64_t code) = 0;
  // A place in the window has come free, though no message is settled by that.
  virtual void on_window_open() = 0;
  // A reply was lost for want of memory: the connection must end, or its client would wait for it.
  virtual void on_reply_lost() = 0;
  // While a message is received: the string that it lies in, if nobody looks at that any more and its memory
  // may be taken; else null.
  virtual std::string* reusable_buffer() = 0;
  // It matters who the connection's peer is: tells `caller` what is known of it (its user or its address,
  // and its certificate). Called at most once, and never where no clients are configured.
  virtual void fill_peer_identity(Caller& caller) = 0;
  // Its peer, for the log.
  virtual std::string peer() const = 0;

 protected:
  ~ReplySink() = default;
};

// Between a transport and the CallExecutor: takes messages, gives replies. Transports differ in how they cut
// messages and in what an exchange is to them; everything from here on is the same for all.
// I/O thread only. Replies may come while receive() runs.
class RpcSession final : public CallOwner {
 public:
  RpcSession(CallExecutor& executor, ReplySink& sink);
  ~RpcSession();

  // Deals with one whole message. `text` must last until this returns only. After disconnected() only
  // notifications are run.
  void receive(std::string_view text, const proto::Message& message, std::uint64_t exchange,
               const CallDefaults& defaults = {});

  // Whose calls they are. What is shown of it counts from the next message on.
  Caller& caller() { return caller_; }

  // Whose time its batches take (SlicedWork::set_share()). Set before it receives anything.
  void set_share(PeerShare* share) { share_ = share; }
  PeerShare* share() const { return share_; }

  // For transports whose messages show a token each: Caller::authenticate(), with a wrong one counted and
  // logged. What showed it is to be refused.
  bool take_token(std::string_view token);

  // Whether messages of several clients share the connection, each with its own proof: then a message reaches
  // calls of its own client only.
  void set_shared(bool shared) { shared_ = shared; }

  // Answers what is no call, or no message at all.
  void refuse(const proto::Error& error, std::uint64_t exchange, std::string_view id = proto::kNullId);

  // The client can get no more replies: what is done for it is stopped, but for notifications. Does not
  // throw.
  void disconnected();

  // Answers all that is left, as at the end of a drain.
  void abort_all(const proto::Error& error);

  std::string* reusable_buffer() override { return sink_.reusable_buffer(); }
  std::string peer() const override { return sink_.peer(); }

  // Whether the client has proved who it is, or need not.
  bool proven() {
    const std::shared_ptr<const Grant>& granted = grant();
    return !granted || !granted->client_name().empty();
  }
  // Memory for what is in flight, and for what waits for the window, about.
  std::size_t held_bytes() const { return bytes_in_flight_ + held_text_bytes_ + in_flight() * kCallBytes; }

  // Whether a message of that method is about other calls, or about the caller.
  static bool is_control(std::string_view method);
  // False for nearly all others: by the method's first character.
  static bool may_be_control(std::string_view method) {
    return method.starts_with('r') || method.starts_with('$') || method.starts_with('n');
  }

  // Unanswered calls, and batches; those that are held included.
  std::size_t in_flight() const { return in_flight_ + batches_.size() + held_.size() - held_batches_; }
  // Whether any of them is to be answered.
  bool reply_due();
  // Whether no more should be read for now. Never by what is held: nothing would make room for it.
  bool window_full() const {
    const Limits& limits = executor_.io().limits;
    const std::size_t begun = in_flight_ + batches_.size() - held_batches_;
    const std::size_t bytes_max = kWindowMessagesMax * limits.message_bytes_max;
    return begun >= limits.connection_window || postponed_batches_ > 0 ||
           (bytes_in_flight_ > bytes_max && begun > 0 && bytes_in_flight_ - held_batch_bytes_ > bytes_max);
  }

  // Look-ahead: from here on calls that find the window full are held, in their order, so that control
  // messages behind them are dealt with. How much is held is the caller's to bound, by what it lets come in.
  void look_ahead(bool on) { looks_ahead_ = on; }
  std::size_t held() const { return held_.size(); }
  // Starts what is held, as far as the window allows.
  void start_held();

 private:
  friend class Batch;

  static constexpr std::size_t kShortReplyBytes = 160;
  static constexpr std::size_t kCallBytes = sizeof(ActiveCall) + kShortReplyBytes;  // beside its text
  // Requests in flight may hold this many times the largest message; then the connection is not read from.
  static constexpr std::size_t kWindowMessagesMax = 2;

  void receive_batch(std::string_view text, const proto::Message& message, std::uint64_t exchange,
                     const CallDefaults& defaults);
  void receive_call(CallExecutor::NewCall&& call, std::uint64_t exchange);
  // What the caller may do, by the configuration of this moment.
  const std::shared_ptr<const Grant>& grant() {
    if (!caller_.current()) resolve_caller();
    return caller_.grant();
  }
  void resolve_caller();
  void refuse_token(std::string_view why, std::string_view method, std::string_view id);
  // Messages about other calls and about the caller: their reply (empty: none is due), or nothing for an
  // ordinary call. Open to everybody.
  struct Answer {
    std::string reply;
    std::int64_t code = 0;
  };
  std::optional<Answer> control(const proto::Request& request, const Grant* granted);
  Answer cancel_call(const proto::Request& request, const Grant* granted);
  Answer authenticate(const proto::Request& request);
  Answer answer_control(const proto::Request& request, const Result<bool, proto::Error>& outcome);
  bool cancel(std::string_view id, const Grant* granted, bool silent);
  // A message that waits for the window: a call, or a batch of batches_.
  struct Held {
    std::string text;
    proto::Envelope envelope;
    std::shared_ptr<const Grant> grant;
    std::uint64_t exchange = 0;
    std::optional<std::chrono::milliseconds> timeout;
    std::string traceparent;
    Batch* batch = nullptr;
    std::size_t batch_bytes = 0;  // of bytes_in_flight_: not in flight before the batch begins
    std::uint64_t id_hash = 0;    // see ActiveCall
  };
  bool must_wait() const { return !held_.empty() || window_full(); }
  void hold(std::string_view text, const proto::Envelope& envelope, std::uint64_t exchange,
            const CallDefaults& defaults);
  void hold(Batch& batch);
  Held take_held(std::list<Held>::iterator at);
  CallExecutor::NewCall call_of(const Held& held, std::string& scratch);
  bool cancel_held(const CancelTarget& target);
  void drop_held(const proto::Error* error);
  void on_answer(ActiveCall& call, std::string& reply, std::int64_t code) override;
  void on_answer_lost() override;
  void entry_answered();
  void batch_postponed() { ++postponed_batches_; }
  void batch_resumed();
  void abandon(Batch& last);
  void batch_finished(Batch& batch, std::string& reply);

  CallExecutor& executor_;
  ReplySink& sink_;
  PeerShare* share_ = nullptr;
  Caller caller_;
  std::list<std::unique_ptr<Batch>> batches_;
  std::size_t in_flight_ = 0;
  std::size_t bytes_in_flight_ = 0;    // of requests, and of batches' replies, held for what is in flight
  std::size_t postponed_batches_ = 0;  // that go on in another time slice, before anything else is read
  std::list<Held> held_;
  std::size_t held_text_bytes_ = 0;
  std::size_t held_batches_ = 0;
  std::size_t held_batch_bytes_ = 0;
  bool looks_ahead_ = false;
  std::size_t wrong_tokens_ = 0;
  bool shared_ = false;
  bool introduced_ = false;
  bool certificate_told_ = false;  // that it is no client's
  bool disconnected_ = false;
};

}  // namespace sluice::core
