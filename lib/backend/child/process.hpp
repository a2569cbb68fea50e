// Child process: one process from its start to its end, with its calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lib/backend/backend_hub.hpp"
#include "lib/backend/child/line_buffer.hpp"
#include "lib/backend/child/output.hpp"
#include "lib/backend/child/stderr_log.hpp"
#include "lib/backend/child/termination.hpp"
#include "lib/backend/child/writer.hpp"
#include "lib/backend/invalid_input_limiter.hpp"
#include "lib/backend/pending_calls.hpp"
#include "lib/backend/spawn.hpp"

namespace sluice::core {

// Writes calls and reads replies, as fast as the child takes and sends them. What it writes beside replies,
// or instead of them, is logged and goes no further; a child that floods is read from only so fast. Backends'
// thread only.
class ChildProcess final : public BackendChannel,
                           private ChildWriter::Callbacks,
                           private ChildOutput::Callbacks,
                           private Deadline {
 public:
  // What becomes of the process. None of these may destroy it at once: see BackendHub::dispose().
  class Owner {
   public:
    // The child has answered a call that was sent to it. To be finished by the owner.
    virtual void on_reply(ChildProcess& process, BackendCall& call, const proto::Reply& reply) = 0;
    // It has answered more than `response_bytes_max`.
    virtual void on_oversize_reply(ChildProcess& process, BackendCall& call) = 0;
    // It has answered with invalid text.
    virtual void on_bad_reply(ChildProcess& process, BackendCall& call) = 0;
    // It answered what was asked with ask(), or has announced what would be the answer; empty where with an
    // error.
    virtual void on_answer(ChildProcess& process, std::string_view result) = 0;
    // More may be sent.
    virtual void on_writable(ChildProcess& process) = 0;
    // The process is gone, and was reaped. Its calls are still there.
    virtual void on_end(ChildProcess& process, const ChildEnd& end) = 0;

   protected:
    ~Owner() = default;
  };

  // `label` is what the log calls it. Throws std::system_error at a limit of the system's, then the process
  // is killed.
  ChildProcess(BackendHub& hub, SpawnedChild process, Dialect dialect, std::string label, StderrLog& log,
               Owner& owner);
  ~ChildProcess();

  // Whether another call may be sent: the child can be written to, and reads what it is sent.
  bool takes_calls() const { return !ending() && writer_.takes_calls(); }
  std::size_t in_flight() const { return pending_.size() - (question_ != 0 ? 1 : 0); }
  // No client has waited for the call for a while, and it still runs; how many such calls there are.
  void note_lingering(BackendCall& call) { lingering_ += std::exchange(call.lingers, true) ? 0 : 1; }
  std::size_t lingering() const { return lingering_; }

  // Sends the call; a notification is done with that, and is left to the caller to finish. Throws
  // std::bad_alloc where nothing has been done.
  void send(BackendCall& call, TimePoint now);
  // Notifies the child that no client waits for the answer any more.
  void cancel(BackendCall& call);
  // A call of the server's own, one at a time.
  void ask(std::string_view method);
  // The call is not this process's any more, though not answered by it.
  void release(BackendCall& call);

  // After its end: whether the process has read nothing of the call.
  bool unread(const BackendCall& call) const { return call.sent_at >= writer_.read_bytes(); }

  // Closes its stdin; SIGTERM comes after a quarter of `grace`, SIGKILL after the whole.
  void end(milliseconds grace);
  void kill();
  bool ending() const { return termination_.begun(); }
  TimePoint began() const { return began_; }
  // When it has last written something to its stdout; when it began, where it has not.
  TimePoint last_heard() const { return last_heard_; }
  pid_t pid() const { return process_.pid; }

 private:
  static constexpr std::size_t kReadBytesMax = 256 * 1024;  // in one go, before others are served
  static constexpr std::size_t kStderrLineBytesMax = 4096;

  // One of its descriptors that is read from.
  struct Pipe final : Watched {
    Pipe(ChildProcess& of, const Descriptor& from, void (ChildProcess::*handler)())
        : process(of), descriptor(from), on_event(handler) {}
    void on_ready(std::uint32_t) override { (process.*on_event)(); }
    ChildProcess& process;
    const Descriptor& descriptor;
    void (ChildProcess::*on_event)();
    bool watched = false;
    bool ended = false;  // the child has closed its side
  };

  bool on_reply(std::uint32_t id, const proto::Reply& reply) override;
  void on_unnamed_error(std::uint32_t id, const proto::Reply& error) override;
  bool on_bad_reply(std::uint32_t id) override;
  void on_oversize_reply(std::uint32_t id) override;
  void on_hello(std::string_view text, std::string_view params, Dialect announced) override;
  bool on_note(const WireNote& note) override;
  void reject(std::string_view line, const char* why) override;
  std::optional<std::uint32_t> only_call() const override { return pending_.only_id(); }
  bool given(std::uint32_t id) const override { return pending_.given(id); }
  bool take_late(std::uint32_t id) override { return pending_.take_late(id); }
  void count_invalid_input(std::size_t bytes) override;
  void on_unreadable(ChildOutput::Unreadable why) override;
  void on_writable() override { owner_.on_writable(*this); }
  void on_input_lost() override { expect_end(); }
  void on_stalled() override;
  void on_deadline(TimePoint now) override;

  void watch(Pipe& pipe, bool wanted);
  bool drain(const Descriptor& from, std::size_t bytes_max, void (ChildProcess::*take)(std::string_view));
  void read_output();
  void read_errors();
  void take_output(std::string_view bytes);
  void take_errors(std::string_view bytes);
  void log_last_error();
  void on_exit();
  bool answers_question(std::uint32_t id);
  BackendCall* answered_call(std::uint32_t id);
  BackendCall* call_of(const WireNote& note) const;
  void stop_reading(TimePoint until);
  void expect_end();
  void await_next();

  BackendHub& hub_;
  SpawnedChild process_;
  const std::string label_;
  StderrLog& log_;
  Owner& owner_;
  const TimePoint began_;
  Pipe output_pipe_{*this, process_.output, &ChildProcess::read_output};
  Pipe error_pipe_{*this, process_.errors, &ChildProcess::read_errors};
  Pipe exit_pipe_{*this, process_.exit, &ChildProcess::on_exit};
  ChildWriter writer_;
  ChildOutput output_;
  LineBuffer error_lines_;
  ChildTermination termination_;
  PendingCalls<BackendCall> pending_;
  std::uint32_t question_ = 0;  // the id of what was asked; 0: nothing
  std::size_t lingering_ = 0;   // of its calls
  InvalidInputLimiter invalid_input_;
  InvalidInputLimiter notes_;
  TimePoint last_heard_;
  TimePoint read_on_at_ = TimePoint::max();  // it writes too much, and is not read from before
};

}  // namespace sluice::core
