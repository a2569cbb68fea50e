// RPC session: the JSON-RPC state of one client connection, over any transport.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "lib/rpc/batch.hpp"
#include "lib/rpc/call_defaults.hpp"
#include "lib/rpc/call_executor.hpp"
#include "lib/rpc/caller_identity.hpp"
#include "lib/rpc/control_methods.hpp"
#include "lib/rpc/held_calls.hpp"
#include "lib/rpc/in_flight_window.hpp"
#include "lib/rpc/orphaned_calls.hpp"
#include "lib/rpc/reply_sink.hpp"
#include "proto/message.hpp"
#include "proto/response_writer.hpp"

namespace sluice::core {

// Connects a transport to the CallExecutor: receives messages, and passes replies on to the ReplySink.
// Transports frame messages in different ways, and give `exchange` different meanings; the rest is common to
// all. I/O thread only. Replies may come while receive() runs.
class RpcSession final : public BatchOwner, private SessionControl {
 public:
  // All must outlive it. What runs on after disconnected() belongs to `orphans`.
  RpcSession(CallExecutor& executor, OrphanedCalls& orphans, ReplySink& sink);
  ~RpcSession();

  // Processes one whole message. `text` need not outlive the call. After disconnected() only notifications
  // are run.
  void receive(std::string_view text, const proto::Message& message, std::uint64_t exchange,
               const CallDefaults& defaults = {});

  // Answers an invalid request, or a message that cannot be parsed.
  void refuse(const proto::Error& error, std::uint64_t exchange, std::string_view id = proto::kNullId);

  // The client is gone: cancels its requests; notifications go on. Does not throw.
  void disconnected();

  // Answers all unanswered calls, as at the end of a drain.
  void abort_all(const proto::Error& error);

  // The caller's rights by the current configuration; null: everything is allowed. Throws std::bad_alloc.
  const std::shared_ptr<const Grant>& grant() {
    if (!identity_.current()) resolve_caller();
    return identity_.grant();
  }
  // The client's credentials. New ones apply from the next message on.
  CallerIdentity& identity() { return identity_; }
  // True if the client is authenticated, or need not be.
  bool proven() {
    const std::shared_ptr<const Grant>& granted = grant();
    return !granted || !granted->client_name().empty();
  }
  // Sets the share that its batches' time is charged to (SlicedWork::set_share()). Call before the first
  // message.
  void set_share(PeerShare* share) { share_ = share; }

  std::string* reusable_buffer() override { return sink_.reusable_buffer(); }
  std::string peer() const override { return sink_.peer(); }
  EventTarget event_target(const ActiveCall& call) override;
  NoteOutput* note_output() override { return disconnected_ ? nullptr : &sink_; }
  EventTarget event_target_of(Batch& batch) override;

  // Unanswered calls and batches, including held ones.
  std::size_t in_flight() const { return window_.begun() + held_.size(); }
  // Approximate memory of unanswered calls and of calls that wait for the window.
  std::size_t held_bytes() const { return window_.bytes() + held_.text_bytes() + in_flight() * kCallBytes; }
  // True if any of them gets a response.
  bool reply_due();
  // True if no more should be read for now. Held calls do not count: they would wait for themselves.
  bool window_full() const { return window_.full(); }

  // Look-ahead: from now on calls beyond a full window are held, in their order, so that control messages
  // behind them are handled. The transport bounds the held calls by the input that it passes in.
  void look_ahead(bool on) { looks_ahead_ = on; }
  std::size_t held() const { return held_.size(); }
  // Starts held calls, as far as the window allows.
  void start_held();

 private:
  static constexpr std::size_t kShortReplyBytes = 160;
  static constexpr std::size_t kCallBytes = sizeof(ActiveCall) + kShortReplyBytes;  // beside its text

  void receive_batch(std::string_view text, const proto::Message& message, std::uint64_t exchange,
                     const CallDefaults& defaults);
  void receive_call(CallExecutor::NewCall&& call, std::uint64_t exchange);
  void resolve_caller();
  bool cancel(const CancelTarget& target) override;
  bool unsubscribe(std::string_view id) override;
  EventTarget event_target_of(const void* message);
  void answer_subscriber(const ActiveCall& call, std::string& reply, std::int64_t code);
  // The message is being answered: events of its subscriptions may follow its reply.
  void begin_events(const void* message, std::int64_t code);

  bool must_wait() const { return !held_.empty() || window_full(); }
  void hold(std::string_view text, const proto::Envelope& envelope, std::uint64_t exchange,
            const CallDefaults& defaults);
  void hold(Batch& batch);
  CallExecutor::NewCall call_of(const HeldCall& held, std::string& scratch);
  bool cancel_held(const CancelTarget& target);
  void abort_held(const proto::Error& error);
  void orphan_held();

  void on_answer(ActiveCall& call, std::string& reply, std::int64_t code) override;
  void on_answer_lost() override;
  void on_batch_finished(Batch& batch, std::string& reply) override;

  CallExecutor& executor_;
  OrphanedCalls& orphans_;
  ReplySink& sink_;
  InFlightWindow window_;
  CallerIdentity identity_;
  ControlMethods control_;
  std::list<std::unique_ptr<Batch>> batches_;
  HeldCalls held_;
  PeerShare* share_ = nullptr;
  SubscriptionSet* subscribed_ = nullptr;  // null: no call has subscribed
  bool looks_ahead_ = false;
  bool disconnected_ = false;
};

}  // namespace sluice::core
