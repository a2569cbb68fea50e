// What an upstream protocol sees of its connection: the attempts that it carries, and what comes for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/backend/invalid_input_limiter.hpp"
#include "lib/backend/reply_reader.hpp"
#include "lib/backend/upstream/attempts.hpp"
#include "lib/backend/upstream/route.hpp"

namespace sluice::core {

// Finds the attempts that incoming messages answer, and limits invalid input. Opens, writes, reads and closes
// nothing itself. Its protocol's handlers keep the connection alive beyond its end; they do nothing any more
// then, and the route may be gone. Backends' thread only.
class UpstreamChannel final : private ReplyReader::Callbacks {
 public:
  // The connection.
  class Host {
   public:
    // The other side can be spoken to.
    virtual void on_open() = 0;
    // No attempt is under way: the time of UpstreamProtocol::idle_limit() begins.
    virtual void on_idle() = 0;
    virtual void on_writable() = 0;
    // The attempt is no longer the connection's. Views of the reply last for the call.
    virtual void on_reply(UpstreamAttempt& attempt, const proto::Reply& reply) = 0;
    virtual void on_failure(UpstreamAttempt& attempt, UpstreamFailure how) = 0;
    // See UpstreamProtocol::unnamed_error_fails().
    virtual bool unnamed_error_fails() const = 0;
    // Closes the connection. No effect on one that is closed.
    virtual void end(UpstreamEnd why, const std::string& what) = 0;
    // The connection lives as long as what this returns.
    virtual std::shared_ptr<void> keep_alive() = 0;

   protected:
    ~Host() = default;
  };

  UpstreamChannel(const UpstreamRoute& route, Host& host);

  const UpstreamRoute& route() const { return *route_; }
  BackendHub& hub() const { return route_->hub; }
  // What is spoken.
  Dialect dialect() const { return reader_.dialect(); }
  std::size_t reply_bytes_max() const { return hub().limits().response_bytes_max + kReplyOverheadBytes; }
  bool closed() const { return closed_; }

  UpstreamAttempts& attempts() { return attempts_; }
  const UpstreamAttempts& attempts() const { return attempts_; }
  std::size_t in_flight() const { return attempts_.pending().size(); }

  // The protocol can be spoken from here on.
  void opened() { host_.on_open(); }
  // Nothing is in flight: begins the time of UpstreamProtocol::idle_limit() anew.
  void rest() { host_.on_idle(); }
  // More attempts can be written again.
  void note_room() { host_.on_writable(); }
  void note_received() { attempts_.note_received(hub().now()); }
  void end(UpstreamEnd why, const std::string& what) { host_.end(why, what); }

  // A message that came in whole. False where no attempt is over by it.
  bool take_message(std::string_view text, const proto::Message& message);
  // What should be one message and nothing else. False likewise.
  bool take_text(std::string_view text);
  // Text that is not a valid message, and was rejected; `scanned` is what the scanner found in it.
  bool take_broken(std::string_view text, const proto::Message& scanned);
  // The beginning of a reply that is too big: its attempt fails, and the connection ends.
  void take_oversize(std::string_view start);
  // The attempt is over as it should be; the reply of a notification has nothing in it.
  void answer(UpstreamAttempt& attempt, const proto::Reply& reply);
  void fail(UpstreamAttempt& attempt, UpstreamFailure how);
  // The attempt is over for its client, or for the connection.
  void release(UpstreamAttempt& attempt);
  // Invalid input; too much ends the connection.
  void reject(std::string_view text, const char* why) override;
  // The same where there is nothing to say.
  void count_invalid_input(std::size_t bytes);

  // No handler does anything any more.
  void close() { closed_ = true; }

  // Makes an Asio handler of the protocol's member function. It is an event of its own, it does not run after
  // the end, and the connection lives as long as the handler.
  template <typename Protocol, typename... Arguments>
  auto handler(Protocol& protocol, void (Protocol::*member)(Arguments...)) {
    return [this, &protocol, member, alive = host_.keep_alive()](Arguments... arguments) {
      guard([&] { (protocol.*member)(arguments...); });
    };
  }

  // Runs what Asio calls: an exception ends the connection.
  template <typename Task>
  void guard(const Task& task);

 private:
  static constexpr std::size_t kReplyOverheadBytes = 64 * 1024;  // of a reply, beside its result

  bool on_reply(std::uint32_t id, const proto::Reply& reply) override;
  void on_unnamed_error(std::uint32_t id, const proto::Reply& error) override;
  bool on_bad_reply(std::uint32_t id) override;
  void on_hello(std::string_view, std::string_view, Dialect) override {}
  std::optional<std::uint32_t> only_call() const override;
  bool given(std::uint32_t id) const override { return attempts_.pending().given(id); }
  bool take_late(std::uint32_t id) override { return attempts_.pending().take_late(id); }

  const UpstreamRoute* route_;
  Host& host_;
  UpstreamAttempts attempts_;
  ReplyReader reader_;
  InvalidInputLimiter invalid_input_;
  bool closed_ = false;
};

template <typename Task>
void UpstreamChannel::guard(const Task& task) {
  if (closed_) return;
  hub().io().handle_event("an upstream", [&] {
    try {
      task();
    } catch (const std::exception& exception) {
      end(UpstreamEnd::cut, exception.what());
    }
  });
}

}  // namespace sluice::core
