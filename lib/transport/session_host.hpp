// The connections of one I/O thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include "lib/dispatch/call_table.hpp"
#include "lib/observe/metrics.hpp"

namespace sluice::core {

// How many connections there may be, over all threads.
class ConnectionLimit {
 public:
  explicit ConnectionLimit(std::size_t max) : max_(max) {}

  // A place among the connections, given back when it is destroyed.
  class Permit {
   public:
    explicit Permit(ConnectionLimit* limit = nullptr) : limit_(limit) {}
    Permit(Permit&& other) noexcept : limit_(std::exchange(other.limit_, nullptr)) {}
    Permit& operator=(Permit&&) = delete;
    ~Permit() {
      if (limit_ != nullptr) limit_->count_.fetch_sub(1, std::memory_order_relaxed);
    }
    explicit operator bool() const { return limit_ != nullptr; }

   private:
    ConnectionLimit* limit_;
  };

  Permit try_acquire() {
    if (count_.fetch_add(1, std::memory_order_relaxed) < max_.load(std::memory_order_relaxed))
      return Permit(this);
    count_.fetch_sub(1, std::memory_order_relaxed);
    return Permit();
  }
  void set_max(std::size_t max) { max_.store(max, std::memory_order_relaxed); }
  std::size_t count_approx() const { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> count_{0};
  std::atomic<std::size_t> max_;
};

struct SessionTag;

// One connection, whatever it speaks. I/O thread only.
class Session : public ListHook<SessionTag>, public std::enable_shared_from_this<Session> {
 public:
  virtual ~Session() = default;

  // Begins to read.
  virtual void start() = 0;
  // Ends the connection as soon as its calls are answered; new ones are refused.
  virtual void drain() = 0;
  // Answers all calls with the error, then ends the connection.
  virtual void abort_calls(const proto::Error& error) = 0;
  // Ends the connection now.
  virtual void close(CloseReason reason) = 0;

 private:
  friend class SessionHost;
  std::shared_ptr<Session> self_;  // what keeps it alive while it is open
};

// Keeps sessions alive until they say that they are closed. I/O thread only, except count_approx().
class SessionHost final : private TurnEnd {
 public:
  SessionHost(IoThread& io, CallTable& calls) : io_(io), calls_(calls) {}
  ~SessionHost() {
    close_all(CloseReason::stopped);
    on_turn_end();
  }

  // A connection on its way to this thread: counted from when it was chosen, so that a burst is spread
  // evenly. Any thread; may outlive the host, where the thread ends before it has come.
  class Expected {
   public:
    explicit Expected(SessionHost& host) : count_(host.count_) {
      count_->fetch_add(1, std::memory_order_relaxed);
    }
    Expected(Expected&&) noexcept = default;
    Expected& operator=(Expected&&) = delete;
    ~Expected() {
      if (count_) count_->fetch_sub(1, std::memory_order_relaxed);
    }

   private:
    std::shared_ptr<std::atomic<std::size_t>> count_;
  };

  // Throws what the session's start throws, which has been closed then.
  void add(std::shared_ptr<Session> session) {
    sessions_.push_back(*session);
    count_->fetch_add(1, std::memory_order_relaxed);
    session->self_ = session;
    try {
      session->start();
    } catch (const std::exception&) {
      session->close(CloseReason::stopped);
      throw;
    }
    if (draining_) session->drain();
  }

  // The session has closed: it is forgotten, and destroyed once nothing uses it any more.
  void remove(Session& session) {
    session.unlink();
    count_->fetch_sub(1, std::memory_order_relaxed);
    // Whoever calls from within the session is still using it.
    closed_.push_back(session);
    io_.at_turn_end(*this);
  }

  void drain_all() {
    draining_ = true;
    sessions_.for_each([](Session& session) { session.shared_from_this()->drain(); });
  }
  void abort_all_calls(const proto::Error& error) {
    sessions_.for_each([&](Session& session) { session.shared_from_this()->abort_calls(error); });
    calls_.abort_orphans(error);
  }
  void close_all(CloseReason reason) {
    while (Session* const session = sessions_.front()) session->shared_from_this()->close(reason);
  }

  IoThread& io() { return io_; }
  CallTable& calls() { return calls_; }
  std::size_t count_approx() const { return count_->load(std::memory_order_relaxed); }

 private:
  void on_turn_end() override {
    while (Session* const session = closed_.pop_front()) {
      const std::shared_ptr<Session> last = std::move(session->self_);
    }
  }

  IoThread& io_;
  CallTable& calls_;
  IntrusiveList<Session, SessionTag> sessions_;
  IntrusiveList<Session, SessionTag> closed_;  // until the turn's end
  // Shared with the connections on their way.
  const std::shared_ptr<std::atomic<std::size_t>> count_ = std::make_shared<std::atomic<std::size_t>>(0);
  bool draining_ = false;
};

}  // namespace sluice::core
