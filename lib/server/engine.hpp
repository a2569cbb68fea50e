// Engine: the server as a whole, which owns, starts, reloads and drains every part. `sluiced` and
// sluice::Server are built on it.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "lib/include/sluice/method.hpp"
#include "lib/server/settings.hpp"
#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// A listening socket from another process (socket activation). The engine takes over the descriptor when it
// starts.
struct InheritedSocket {
  int descriptor = -1;
  std::string name;  // its name in LISTEN_FDNAMES, for the log
};

// Status of a running server, for operators.
struct EngineStatus {
  std::size_t in_flight = 0;
  std::size_t in_flight_limit = 0;
  std::size_t connections = 0;
  std::size_t abandoned = 0;
  bool ready = false;
  bool draining = false;
};

// Whether the parts make progress; `reason` names the one that does not.
struct Health {
  bool ok = true;
  std::string reason;
};

struct EngineParts;

// Life cycle: construct, add methods, start(), [reload()...], drain(), destroy. add()/remove() are
// thread-safe; status() and health() may be called from any thread; the rest only by one controlling thread.
class Engine {
 public:
  // Throws std::invalid_argument for invalid or contradictory settings.
  explicit Engine(Settings settings);
  // Stops at once whatever still runs.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // See sluice::Server::add() and remove().
  void add(MethodSpec method);
  bool remove(const std::string& name);

  // Opens the listeners, where `inherited` sockets replace those of the same address, and the admin listener;
  // then starts the threads. Throws std::system_error whose what() names the address, and
  // std::invalid_argument for a socket that may not be served, see check_unnamed(). `stop` ends its waits for
  // other systems: then it either throws std::system_error or has started nevertheless.
  void start(std::vector<InheritedSocket> inherited = {}, const std::stop_token& stop = {});

  // Applies all settings except io_threads, workers, workers_max and worker_cpus. New listeners are opened
  // first: if one fails, std::system_error is thrown and nothing has changed. Running calls keep the limits
  // that they began with. `stop` as with start().
  void reload(const Settings& settings, const std::stop_token& stop = {});

  // Not ready from here on: listening sockets are closed, new calls answered -32012, admitted ones finish.
  // Calls that are left shortly before the end of `drain_timeout`, counted from `begun`, are cancelled and
  // answered -32012. Blocks until every connection is closed and every process has ended, or the time is
  // over. False if a handler was still running at the end.
  bool drain(TimePoint begun = Clock::now());

  EngineStatus status() const;

  // Checks that every I/O thread responds, and whether every worker is stuck past its call's time limit.
  // Blocks for `time_limit` at most.
  Health health(milliseconds time_limit) const;

  std::vector<std::string> addresses() const;  // as bound: port 0 is resolved
  std::string admin_address() const;           // empty: none

 private:
  std::unique_ptr<EngineParts> parts_;
};

}  // namespace sluice::core
