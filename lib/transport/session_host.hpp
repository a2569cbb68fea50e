// Session host: the connections of one I/O thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include "lib/base/memory_budget.hpp"
#include "lib/loop/time_slice.hpp"
#include "lib/observe/metrics.hpp"
#include "lib/rpc/call_executor.hpp"
#include "lib/rpc/orphaned_calls.hpp"
#include "lib/transport/connection_limit.hpp"

namespace sluice::core {

class EventFanout;
struct SessionTag;

// Interface of a client connection, of any protocol; not an RpcSession. I/O thread only.
class Session : public ListHook<SessionTag>, public std::enable_shared_from_this<Session> {
 public:
  virtual ~Session() = default;

  // Starts reading.
  virtual void start() = 0;
  // Ends the connection as soon as its calls are answered; new ones are refused.
  virtual void drain() = 0;
  // Answers all calls with the error, then ends the connection.
  virtual void abort_calls(const proto::Error& error) = 0;
  // Clients' rights have changed: subscriptions that are not allowed any more end.
  virtual void renew_rights() {}
  // Ends the connection now.
  virtual void close(CloseReason reason) = 0;

  std::size_t counted_bytes = 0;  // its memory as counted by SessionHost

 private:
  friend class SessionHost;
  std::shared_ptr<Session> self_;  // keeps it alive while it is open
};

// Keeps sessions alive until they report that they are closed. I/O thread only, except count_approx().
class SessionHost final : private DeferredTask {
 public:
  // All outlive it. `events` null: clients can't subscribe.
  SessionHost(IoThread& io, CallExecutor& calls, EventFanout* events = nullptr)
      : io_(io), calls_(calls), orphans_(calls), events_(events) {}
  // Counts sessions' memory against `budget`, which must outlive this. Call before the thread runs.
  void count_memory(MemoryBudget& budget);
  ~SessionHost() {
    close_all(CloseReason::stopped);
    on_deferred();
  }

  // A connection on its way to this thread. It is counted from the choice of the thread on, so that a burst
  // is spread evenly. Any thread; may outlive the host if the thread ends first.
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

  // Throws what the session's start throws; the session is closed then.
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

  // The session has closed. It is forgotten, and destroyed once it is not in use.
  void remove(Session& session) {
    session.unlink();
    count_->fetch_sub(1, std::memory_order_relaxed);
    if (session.counted_bytes > 0) count_bytes(session, 0);
    if (budget_ != nullptr) budget_->note_end(*share_);
    // The caller may be inside the session.
    closed_.push_back(session);
    io_.defer(*this);
  }

  void drain_all() {
    draining_ = true;
    sessions_.for_each([](Session& session) { session.shared_from_this()->drain(); });
  }
  void renew_rights() {
    sessions_.for_each([](Session& session) { session.renew_rights(); });
  }
  void abort_all_calls(const proto::Error& error) {
    sessions_.for_each([&](Session& session) { session.shared_from_this()->abort_calls(error); });
    orphans_.abort_all(error);
  }
  void close_all(CloseReason reason) {
    while (Session* const session = sessions_.front()) session->shared_from_this()->close(reason);
  }

  // A session now holds this many bytes. The thread's other memory is counted with it. If all together is too
  // much, the sessions that hold most are closed at the end of the iteration.
  void count_bytes(Session& session, std::size_t held);
  // Whether large messages must not be accepted.
  bool memory_short() const { return budget_ != nullptr && budget_->exceeded(); }

  // A client is gone, and its session still has input to process.
  void client_lost() { ++lost_clients_; }
  void lost_client_closed() { --lost_clients_; }
  std::size_t lost_clients() const { return lost_clients_; }
  // Continues the work of a gone client's session, as IoThread::postpone(). All of them together are one
  // source of work: however many there are, connected clients' work runs after each slice.
  void postpone_lost(SlicedWork& work) {
    if (work.linked()) return;
    lost_work_.waiting.push_back(work);
    io_.postpone(lost_work_);
  }

  IoThread& io() { return io_; }
  CallExecutor& calls() { return calls_; }
  OrphanedCalls& orphans() { return orphans_; }
  EventFanout* events() { return events_; }
  std::size_t count_approx() const { return count_->load(std::memory_order_relaxed); }

 private:
  void on_deferred() override {
    while (Session* const session = closed_.pop_front()) {
      const std::shared_ptr<Session> last = std::move(session->self_);
    }
  }

  // Closes sessions, the largest first, until memory is within the budget.
  struct Relief final : DeferredTask {
    explicit Relief(SessionHost& of) : host(of) {}
    void on_deferred() override { host.relieve(); }
    SessionHost& host;
  };
  void relieve();

  // Counts memory that belongs to no session: spares, and calls of disconnected clients. While memory is
  // short nothing is kept. This memory also changes when no session counts anything, so it is counted each
  // second while there is some.
  void count_unowned();
  std::size_t unowned_bytes() const;
  struct UnownedLook final : Deadline {
    explicit UnownedLook(SessionHost& of) : host(of) {}
    void on_deadline(TimePoint now) override;
    SessionHost& host;
  };

  struct LostWork final : SlicedWork {
    explicit LostWork(IoThread& thread) : io(thread) {}
    void on_slice() override {
      if (SlicedWork* const work = waiting.pop_front()) work->on_slice();
      if (!waiting.empty()) io.postpone(*this);
    }
    IoThread& io;
    IntrusiveList<SlicedWork, SliceTag> waiting;
  };

  IoThread& io_;
  CallExecutor& calls_;
  OrphanedCalls orphans_;
  EventFanout* const events_;
  MemoryBudget* budget_ = nullptr;
  MemoryBudget::Share* share_ = nullptr;
  Relief relief_{*this};
  UnownedLook unowned_look_{*this};
  LostWork lost_work_{io_};
  std::size_t lost_clients_ = 0;
  IntrusiveList<Session, SessionTag> sessions_;
  IntrusiveList<Session, SessionTag> closed_;  // until the iteration's end
  // Shared with connections on their way here.
  const std::shared_ptr<std::atomic<std::size_t>> count_ = std::make_shared<std::atomic<std::size_t>>(0);
  bool draining_ = false;
};

}  // namespace sluice::core
