// One connection to an upstream, whatever it speaks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "lib/backend/backend_hub.hpp"
#include "lib/backend/invalid_input_limiter.hpp"
#include "lib/backend/upstream/log.hpp"
#include "lib/backend/upstream/secrets.hpp"
#include "lib/backend/upstream/stream.hpp"
#include "lib/backend/wire_call.hpp"
#include "proto/reply.hpp"

namespace sluice::core {

inline constexpr std::size_t kKeptBytesMax = 64 * 1024;  // of room, in buffers between calls

class UpstreamConnection;
class UpstreamEndpoint;
struct UpstreamCall;

// A call as it was sent over one connection. It may be sent again, or twice at once; each time is another
// attempt, with an id of its own. Lives in its call.
struct UpstreamAttempt {
  UpstreamCall* call = nullptr;
  std::uint32_t id = 0;      // on the wire, at its connection
  std::uint64_t number = 0;  // of its connection's attempts, in their order
  UpstreamEndpoint* endpoint = nullptr;
  UpstreamConnection* connection = nullptr;  // whose it is; null: it is over, or never was
  TimePoint began;
  bool sent = false;    // set at its connection's end: a part may have left this machine
  bool unread = false;  // likewise: the server has most likely not read it
  bool failed = false;  // whatever its reply says, its server says beside it that it did not do well
  bool probe = false;   // of a half-open breaker
  bool outcome_recorded = false;  // its breaker has counted it
  milliseconds retry_after{0};    // what its server asks for beside what it says; 0: nothing

  bool under_way() const { return connection != nullptr; }
};

// Why an attempt has no reply.
enum class UpstreamFailure : std::uint8_t {
  unsent,    // no byte has left: it has not run
  unread,    // the server closed the connection before it came to it
  lost,      // with its connection
  no_reply,  // something else came instead
  reply_too_big,
};

// What all connections to one URL are made of.
struct UpstreamRoute {
  BackendHub& hub;
  const UpstreamSettings& settings;
  Dialect dialect;
  UpstreamUrl url;
  std::string label;  // what the log calls it
  std::shared_ptr<UpstreamAuthorities> authorities;
  std::shared_ptr<UpstreamSessions> sessions;
  const UpstreamHeaders& headers;
  UpstreamLog& log;
};

// Connects, carries attempts there and replies back, and ends: by itself where something goes wrong or
// nothing goes on. Its handlers keep it alive beyond that, but it does and tells nothing any more, and the
// route may be gone. Backends' thread only.
class UpstreamConnection : public std::enable_shared_from_this<UpstreamConnection>, private Deadline {
 public:
  enum class End : std::uint8_t {
    not_connected,  // could not be made
    cut,            // by the other side, or by the net
    misbehaved,     // invalid or too much input
    unused,         // by the other side, while there was nothing to be done
    idle,           // by this side, likewise
    given_up,       // for an attempt without a waiting client
  };

  // Events of a connection. None of these may destroy it at once: see BackendHub::dispose().
  class Owner {
   public:
    // It stands, and takes attempts.
    virtual void on_open(UpstreamConnection& connection) = 0;
    // It takes attempts again.
    virtual void on_writable(UpstreamConnection& connection) = 0;
    // The attempt is no longer the connection's. Views of the reply last for the call.
    virtual void on_reply(UpstreamAttempt& attempt, const proto::Reply& reply) = 0;
    virtual void on_failure(UpstreamAttempt& attempt, UpstreamFailure how) = 0;
    // It is closed; called once. Its attempts are still its own: see take_attempt().
    virtual void on_end(UpstreamConnection& connection, End why, const std::string& what) = 0;

   protected:
    ~Owner() = default;
  };

  ~UpstreamConnection() override = default;

  // Begins to connect.
  void open();
  bool open_now() const { return open_; }
  // Whether it takes another attempt.
  bool has_room() const;
  std::size_t in_flight() const { return attempts_.size(); }
  // Whether it has yet to answer anything: what it is sent is not lost on a server that has just given up an
  // old connection.
  bool fresh() const { return answers_ == 0; }
  // It takes no more attempts, and ends with the last it has.
  void leave();
  bool leaving() const { return leaving_; }

  // Sends the attempt's call under an id of its own. Where it is a notification that gets no response, the
  // attempt is over with it.
  void send(UpstreamAttempt& attempt, const ActiveCall& call);
  // No client waits for the attempt any more. It is over; so may be the connection.
  void stop(UpstreamAttempt& attempt);
  // A call has waited its whole time for nothing: if it is the connection that is dead, no further call is
  // to.
  void mark_suspect(const UpstreamAttempt& attempt);

  // Takes out one of those that are left at the end; null where none is left.
  UpstreamAttempt* take_attempt();
  // Closes it and tells the owner.
  void end(End why, const std::string& what);
  // Closes it. No event follows.
  void abandon();

 protected:
  static constexpr std::size_t kReplyOverheadBytes = 64 * 1024;  // of a reply, beside its result
  static constexpr std::size_t kUnsentBytesMax = 256 * 1024;     // past it no more attempts are taken
  static constexpr std::size_t kForgottenMax = 1024;  // ids of stopped attempts whose replies may yet come

  UpstreamConnection(const UpstreamRoute& route, Owner& owner);

  // Called when the stream stands: opened() is to follow, at once or later.
  virtual void begin() = 0;
  // Writes the call at once or soon; note_sent() is to follow as soon as a byte may have left.
  virtual void write(UpstreamAttempt& attempt, const ActiveCall& call) = 0;
  // Notifies the other side that no client waits any more. False where that takes closing.
  virtual bool write_cancel(const UpstreamAttempt& attempt) = 0;
  virtual std::size_t capacity() const { return route().settings.concurrency; }
  virtual std::size_t unsent() const { return 0; }
  virtual bool answers_notifications() const { return false; }
  // An error that names no attempt is that of the only one.
  virtual void on_unnamed_error(UpstreamAttempt& attempt, const proto::Reply& error) {
    answer(attempt, error);
  }
  // How long it may go on with nothing in flight, and what its end is called then.
  struct Rest {
    milliseconds limit;
    End end;
    const char* what;
  };
  virtual Rest rest_limit() const { return {route().settings.idle_timeout, End::idle, "idle"}; }

  // The other side can be spoken to.
  void opened();
  // All attempts so far may have left.
  void note_sent() { sent_up_to_ = count_; }
  void note_received() { received_at_ = hub().now(); }
  void note_answer() { ++answers_; }
  // What is in flight was most likely not read.
  void note_unread() { unread_ = true; }
  // Nothing is in flight: begins the time of rest_limit().
  void rest();
  // No reply comes for what was stopped any more.
  void forget_stopped() { forgotten_.clear(); }
  // A message that came in whole. False where no attempt is over by it.
  bool take_message(std::string_view text, const proto::Message& message);
  // Invalid input: where it means to be a reply, nothing better will come for its attempt, or for the only
  // one where it names none. Whether one is over by it.
  bool take_bad_reply(std::string_view text, const proto::Message& message);
  // The same for text that is not a valid message; `scanned` is what the scanner found in it.
  bool take_broken(std::string_view text, const proto::Message& scanned);
  // What should be one message and nothing else.
  bool take_text(std::string_view text);
  // The attempt is over as it should be; the reply of a notification has nothing in it.
  void answer(UpstreamAttempt& attempt, const proto::Reply& reply);
  // The beginning of one that is too big: the call gets the error, and the connection ends.
  void take_long(std::string_view start);
  // Invalid input; too much ends the connection.
  void reject(std::string_view text, const char* why);
  // The same of what there is nothing to say about.
  void count_invalid_input(std::size_t bytes);
  void fail(UpstreamAttempt& attempt, UpstreamFailure how);
  UpstreamAttempt* only_attempt();
  void note_room() { owner_->on_writable(*this); }
  std::string method_of(const ActiveCall& call) const;

  const UpstreamRoute& route() const { return *route_; }
  // What is spoken on it.
  Dialect dialect() const { return dialect_; }
  BackendHub& hub() const { return route_->hub; }
  std::size_t reply_bytes_max() const { return hub().limits().response_bytes_max + kReplyOverheadBytes; }
  UpstreamStream& stream() { return stream_; }
  bool closed() const { return closed_; }

  // Makes an Asio handler of a member function: an event of its own, not after the end, and the connection
  // lives as long as the handler.
  template <typename Self, typename... Arguments>
  auto handler(void (Self::*member)(Arguments...)) {
    return [self = std::static_pointer_cast<Self>(shared_from_this()), member](Arguments... arguments) {
      self->guard([&] { (self.get()->*member)(arguments...); });
    };
  }

  // Whatever is done when Asio calls.
  template <typename Task>
  void guard(const Task& task);

 private:
  void on_dialled(boost::system::error_code error);
  void on_deadline(TimePoint now) override;
  bool take_hello(std::string_view text, const proto::Envelope& envelope);
  bool take_unnamed(const proto::Reply& error);
  bool fail_named(std::string_view text, const proto::Envelope& envelope, std::optional<std::uint32_t> only);
  void release(UpstreamAttempt& attempt);
  void forget(std::uint32_t id);
  UpstreamAttempt* find(std::uint32_t id);
  void close(bool abrupt);

  const UpstreamRoute* route_;
  Owner* owner_;
  UpstreamStream stream_;
  Dialect dialect_;
  WireIds ids_;
  std::unordered_map<std::uint32_t, UpstreamAttempt*> attempts_;
  std::set<std::uint32_t> forgotten_;
  std::uint64_t count_ = 0;       // of attempts
  std::uint64_t sent_up_to_ = 0;  // so many of them
  TimePoint received_at_;
  InvalidInputLimiter invalid_input_;
  std::uint64_t answers_ = 0;
  bool open_ = false;
  bool doubted_ = false;
  bool leaving_ = false;
  bool unread_ = false;
  bool closed_ = false;
  bool heard_ = false;  // a message has come
};

template <typename Task>
void UpstreamConnection::guard(const Task& task) {
  if (closed_) return;
  hub().io().handle_event("an upstream", [&] {
    try {
      task();
    } catch (const std::exception& exception) {
      end(End::cut, exception.what());
    }
  });
}

}  // namespace sluice::core
