// The calls of one client connection, whatever it speaks.
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

// Between a transport and the CallExecutor: takes messages, gives replies. Transports differ in how they cut
// messages and in what an exchange is to them; everything from here on is the same for all.
// I/O thread only. Replies may come while receive() runs.
class RpcSession final : public BatchOwner, private CallCanceller {
 public:
  // All must outlive it. What runs on after disconnected() belongs to `orphans`.
  RpcSession(CallExecutor& executor, OrphanedCalls& orphans, ReplySink& sink);
  ~RpcSession();

  // Processes one whole message. `text` must last until this returns only. After disconnected() only
  // notifications are run.
  void receive(std::string_view text, const proto::Message& message, std::uint64_t exchange,
               const CallDefaults& defaults = {});

  // Answers what is not a call, or not a message at all.
  void refuse(const proto::Error& error, std::uint64_t exchange, std::string_view id = proto::kNullId);

  // The client can get no more replies: what is done for it is stopped, but for notifications. Does not
  // throw.
  void disconnected();

  // Answers all that is left, as at the end of a drain.
  void abort_all(const proto::Error& error);

  // Whose calls they are. Credentials that are shown count from the next message on.
  CallerIdentity& identity() { return identity_; }
  // Whether the client has proved who it is, or need not.
  bool proven() {
    const std::shared_ptr<const Grant>& granted = grant();
    return !granted || !granted->client_name().empty();
  }
  // Whose time its batches take (SlicedWork::set_share()). Set before it receives anything.
  void set_share(PeerShare* share) { share_ = share; }

  std::string* reusable_buffer() override { return sink_.reusable_buffer(); }
  std::string peer() const override { return sink_.peer(); }

  // Unanswered calls, and batches; those that are held included.
  std::size_t in_flight() const { return window_.begun() + held_.size(); }
  // Memory for what is in flight, and for what waits for the window, about.
  std::size_t held_bytes() const { return window_.bytes() + held_.text_bytes() + in_flight() * kCallBytes; }
  // Whether any of them is to be answered.
  bool reply_due();
  // Whether no more should be read for now. Never because of held calls: nothing would make room for them.
  bool window_full() const { return window_.full(); }

  // Look-ahead: from here on calls that find the window full are held, in their order, so that control
  // messages behind them are handled. How much is held is the caller's to bound, by what it lets come in.
  void look_ahead(bool on) { looks_ahead_ = on; }
  std::size_t held() const { return held_.size(); }
  // Starts what is held, as far as the window allows.
  void start_held();

 private:
  static constexpr std::size_t kShortReplyBytes = 160;
  static constexpr std::size_t kCallBytes = sizeof(ActiveCall) + kShortReplyBytes;  // beside its text

  void receive_batch(std::string_view text, const proto::Message& message, std::uint64_t exchange,
                     const CallDefaults& defaults);
  void receive_call(CallExecutor::NewCall&& call, std::uint64_t exchange);
  // What the caller may do, by the configuration of this moment.
  const std::shared_ptr<const Grant>& grant() {
    if (!identity_.current()) resolve_caller();
    return identity_.grant();
  }
  void resolve_caller();
  bool cancel(const CancelTarget& target) override;

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
  bool looks_ahead_ = false;
  bool disconnected_ = false;
};

}  // namespace sluice::core
