// Child start: one start of a child process, from the request until its program runs.
#pragma once

#include <memory>

#include "lib/backend/backend_hub.hpp"
#include "lib/backend/child_starter.hpp"
#include "lib/backend/spawn.hpp"

namespace sluice::core {

// Waits by the event loop for the fork, for exec(), and for the end of a process that could not run its
// program. Backends' thread only.
class ChildStart final : private Watched, private Deadline {
 public:
  class Owner {
   public:
    // Its program runs. The start may be destroyed from here, as from on_failed().
    virtual void on_begun(SpawnedChild process) = 0;
    virtual void on_failed(const ChildFailure& failure) = 0;
    // Its time limit has passed; on_failed() follows when its process, which is killed, has ended.
    virtual void on_late() = 0;

   protected:
    ~Owner() = default;
  };

  static constexpr auto kForkTimeMax = seconds(30);  // for the user's look-up and the starts before this one
  static constexpr auto kTimeMax = seconds(10);      // from the fork until the program runs

  // Throws std::system_error where there is no thread to be had.
  ChildStart(BackendHub& hub, const ChildSettings& settings, Owner& owner);
  ~ChildStart();

  // Whether its time limit has passed: all that it waits for is the end of its process.
  bool hopeless() const { return hopeless_; }
  // Its process, if there is one, is killed; on_failed() follows.
  void abandon(ChildFailure why);

 private:
  void on_forked(ChildStarter::Forked forked);
  void on_ready(std::uint32_t events) override;
  void on_deadline(TimePoint now) override;
  void watch(const Descriptor& descriptor);
  void watch_nothing();
  void await_end(ChildFailure why);
  void look_at_report();
  void look_at_end();

  BackendHub& hub_;
  Owner& owner_;
  std::shared_ptr<ChildStarter::Request> request_;  // null once it is given up
  ForkedChild child_;                               // once it is forked
  int watched_ = -1;
  ChildFailure failure_;  // where its end is awaited
  bool ending_ = false;
  bool hopeless_ = false;
};

}  // namespace sluice::core
