// One connection to an upstream, from connecting to its end.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "lib/backend/upstream/channel.hpp"
#include "lib/backend/upstream/protocol.hpp"
#include "lib/backend/upstream/stream.hpp"

namespace sluice::core {

// Connects, carries attempts there and replies back, and ends: by itself where something goes wrong or
// nothing goes on. What is spoken is its protocol's, the attempts are its channel's. Asio's handlers keep it
// alive beyond its end, but it does and reports nothing any more, and the route may be gone. Backends' thread
// only.
class UpstreamConnection final : public std::enable_shared_from_this<UpstreamConnection>,
                                 private UpstreamChannel::Host,
                                 private Deadline {
 public:
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
    virtual void on_end(UpstreamConnection& connection, UpstreamEnd why, const std::string& what) = 0;

   protected:
    ~Owner() = default;
  };

  // Speaks what the route's URL names. `route` and `owner` must outlive it, unless abandon() was called.
  UpstreamConnection(const UpstreamRoute& route, Owner& owner);

  // Begins to connect.
  void open();
  bool open_now() const { return open_; }
  // Whether it takes another attempt.
  bool has_room() const;
  std::size_t in_flight() const { return channel_.in_flight(); }
  // Whether it has yet to answer anything: what it is sent is not lost on a server that has just given up an
  // old connection.
  bool fresh() const { return channel_.attempts().fresh(); }
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
  void mark_suspect(const UpstreamAttempt& attempt) { channel_.attempts().mark_suspect(attempt); }

  // Takes out one of those that are left at the end; null where none is left.
  UpstreamAttempt* take_attempt() { return channel_.attempts().take_left(); }
  // Closes it. No event follows.
  void abandon();

 private:
  void on_open() override;
  void on_idle() override;
  void on_writable() override { owner_.on_writable(*this); }
  void on_reply(UpstreamAttempt& attempt, const proto::Reply& reply) override;
  void on_failure(UpstreamAttempt& attempt, UpstreamFailure how) override;
  bool unnamed_error_fails() const override { return protocol_->unnamed_error_fails(); }
  void end(UpstreamEnd why, const std::string& what) override;
  std::shared_ptr<void> keep_alive() override { return shared_from_this(); }
  void on_deadline(TimePoint now) override;
  void on_connected(boost::system::error_code error);
  void close(bool abrupt);

  BackendHub& hub() const { return channel_.hub(); }

  Owner& owner_;
  UpstreamStream stream_;
  UpstreamChannel channel_;
  const std::unique_ptr<UpstreamProtocol> protocol_;
  bool open_ = false;
  bool leaving_ = false;
};

}  // namespace sluice::core
