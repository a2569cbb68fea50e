// Child process: one process from its start to its end, with its input and output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "lib/backend/backend_hub.hpp"
#include "lib/backend/child/line_buffer.hpp"
#include "lib/backend/child/stderr_log.hpp"
#include "lib/backend/invalid_input_limiter.hpp"
#include "lib/backend/oversize_reply.hpp"
#include "lib/backend/spawn.hpp"
#include "lib/backend/wire_call.hpp"
#include "proto/frame_decoder.hpp"
#include "proto/message_scanner.hpp"

namespace sluice::core {

// Writes calls and reads replies as lines, or as messages with headers in the dialect `lsp`, as fast as the
// child takes and gives them. What it sends beside replies, or instead of them, is logged and goes no
// further; a child that floods is read from only so fast. Backends' thread only.
class ChildProcess final : public BackendChannel, private DeferredTask, private Deadline {
 public:
  // What becomes of the run. None of these may destroy it at once: see BackendHub::dispose().
  class Owner {
   public:
    // The child has answered a call that was sent to it. To be finished by the owner.
    virtual void on_reply(ChildProcess& run, BackendCall& call, const proto::Reply& reply) = 0;
    // It has answered more than `response_bytes_max`.
    virtual void on_oversize_reply(ChildProcess& run, BackendCall& call) = 0;
    // It has answered with invalid text.
    virtual void on_bad_reply(ChildProcess& run, BackendCall& call) = 0;
    // It answered what was asked with ask(), or has announced what would be the answer; empty where with an
    // error.
    virtual void on_answer(ChildProcess& run, std::string_view result) = 0;
    // More may be sent.
    virtual void on_writable(ChildProcess& run) = 0;
    // The process is gone, and was reaped. Its calls are still there.
    virtual void on_end(ChildProcess& run, const ChildEnd& end) = 0;

   protected:
    ~Owner() = default;
  };

  // `label` is what the log calls it. Throws std::system_error at a limit of the system's, then the process
  // is killed.
  ChildProcess(BackendHub& hub, SpawnedChild process, Dialect dialect, std::string label, StderrLog& log,
               Owner& owner);
  ~ChildProcess();

  // Whether another call may be handed over: the child can be written to, and reads what it is sent.
  bool takes_calls() const { return !ending_ && !input_gone_ && unsent() <= kUnsentBytesMax; }
  std::size_t in_flight() const { return in_flight_; }
  // No client has waited for the call for a while, and it still runs; how many such calls there are.
  void note_lingering(BackendCall& call) { lingering_ += std::exchange(call.lingers, true) ? 0 : 1; }
  std::size_t lingering() const { return lingering_; }

  // Hands the call over; a notification is done with that, and is left to the caller to finish. Throws
  // std::bad_alloc where nothing has been done.
  void send(BackendCall& call, TimePoint now);
  // Notifies the child that no client waits for the answer any more.
  void cancel(BackendCall& call);
  // A call of the server's own, one at a time.
  void ask(std::string_view method);
  // The call is not this run's any more, though not answered by it.
  void release(BackendCall& call);

  // After its end: whether the process has read nothing of the call.
  bool unread(const BackendCall& call) const { return call.sent_at >= read_bytes_; }

  // Closes its stdin; SIGTERM comes after a quarter of `grace`, SIGKILL after the whole.
  void end(milliseconds grace);
  void kill();
  bool ending() const { return ending_; }
  TimePoint began() const { return began_; }
  // When it has last written something to its stdout; when it began, where it has not.
  TimePoint last_heard() const { return last_heard_; }
  pid_t pid() const { return process_.pid; }

 private:
  static constexpr std::size_t kUnsentBytesMax = 256 * 1024;
  static constexpr std::size_t kReadBytesMax = 256 * 1024;  // in one go, before others are served
  // What it may say in a second beside its replies; then it is not read from until the next.
  static constexpr std::size_t kStderrLineBytesMax = 4096;
  static constexpr std::size_t kReplyOverheadBytes = 64 * 1024;  // of a line, beside the result
  static constexpr std::size_t kKeptBytesMax = 64 * 1024;        // of room, between messages with headers

  struct Pipe final : Watched {
    Pipe(ChildProcess& of, void (ChildProcess::*handler)()) : run(of), on_event(handler) {}
    void on_ready(std::uint32_t) override { (run.*on_event)(); }
    ChildProcess& run;
    void (ChildProcess::*on_event)();
    bool watched = false;
  };

  void watch(Pipe& pipe, const Descriptor& descriptor, bool wanted, std::uint32_t events);
  std::size_t unsent() const { return out_.size() - sent_; }
  void write_soon();
  template <typename Append>
  void add_message(const Append& append);
  void frame(std::size_t begin);
  std::uint32_t new_id();
  void on_deferred() override { flush(); }
  void on_deadline(TimePoint now) override;

  void flush();
  void expect_reading();
  void lose_input();
  void close_input();
  void count_read_bytes();
  void watch_nothing();
  void read_output();
  void read_errors();
  void on_exit();
  bool drain(const Descriptor& from, std::size_t bytes_max, void (ChildProcess::*take)(std::string_view));
  void take_output(std::string_view bytes);
  void take_lines(std::string_view bytes);
  void take_framed(std::string_view bytes);
  std::size_t take_frame(std::string_view window);
  void take_errors(std::string_view bytes);
  void say_rest();
  void take_line(std::string_view line);
  void take_message(std::string_view text, const proto::Message& message);
  bool take_hello(std::string_view text, const proto::Envelope& envelope);
  void take_methods(std::string_view announcement);
  bool take_unnamed(const proto::Reply& error);
  void take_bad(std::string_view text, const proto::Message& message, const char* why);
  void take_bad_reply(std::string_view text, const proto::Envelope& envelope,
                      std::optional<std::uint32_t> only);
  void take_wrong_reply(std::uint32_t id);
  void take_long_line(std::string_view start);
  void take_long_rest(std::string_view piece, bool is_last);
  void take_oversize_reply(std::uint32_t id);
  bool answers_question(std::uint32_t id);
  BackendCall* answered_call(std::uint32_t id);
  std::optional<std::uint32_t> only_id() const;
  void reject(std::string_view line, const char* why);
  void count_invalid_input(std::size_t bytes);
  void hold_back();
  void end_soon();
  void wait_on();

  BackendHub& hub_;
  SpawnedChild process_;
  const Dialect configured_;
  Dialect dialect_;  // that is spoken
  const std::string label_;
  StderrLog& log_;
  Owner& owner_;
  const TimePoint began_;
  Pipe input_{*this, &ChildProcess::flush};
  Pipe output_{*this, &ChildProcess::read_output};
  Pipe errors_{*this, &ChildProcess::read_errors};
  Pipe exit_{*this, &ChildProcess::on_exit};
  LineBuffer lines_;
  LineBuffer error_lines_;
  OversizeReply oversize_reply_;  // of a line that is too long
  proto::MessageScanner scanner_;
  proto::FrameDecoder decoder_;  // of messages with headers
  std::string window_;           // what has come of one that is not whole
  std::string out_;
  std::size_t sent_ = 0;             // bytes at the front of out_ that are with the kernel
  std::uint64_t written_bytes_ = 0;  // to the kernel, in all
  std::uint64_t read_bytes_ = 0;     // of those by the process; known when its stdin is closed
  std::size_t in_flight_ = 0;
  std::size_t lingering_ = 0;  // of those
  WireIds ids_;
  std::unordered_map<std::uint32_t, BackendCall*> numbered_;  // its calls, by the ids that they go by
  std::uint32_t question_ = 0;                                // the id of what was asked; 0: nothing
  std::uint32_t superseded_ = 0;                              // of one whose answer is not needed any more
  InvalidInputLimiter invalid_input_;
  TimePoint last_heard_;
  TimePoint terminate_at_ = TimePoint::max();
  TimePoint kill_at_ = TimePoint::max();
  TimePoint read_on_at_ = TimePoint::max();
  TimePoint clogged_until_ = TimePoint::max();  // the child is to have read something
  bool input_gone_ = false;                     // the child takes nothing more
  bool output_gone_ = false;                    // and says nothing more
  bool errors_gone_ = false;
  bool held_back_ = false;  // it says too much
  bool ending_ = false;
  bool heard_ = false;  // a first line has come
};

}  // namespace sluice::core
