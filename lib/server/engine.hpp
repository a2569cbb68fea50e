// The server as a whole: owns every part, starts, reloads and drains it. What `sluiced` and
// sluice::Server are made of.
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

// A listening socket that was opened by somebody else (socket activation). The engine takes the
// descriptor over when it starts.
struct InheritedSocket {
  int descriptor = -1;
  std::string name;  // LISTEN_FDNAMES' name, for the log
};

// What an operator asks about a running server.
struct EngineStatus {
  std::size_t in_flight = 0;
  std::size_t in_flight_limit = 0;
  std::size_t connections = 0;
  std::size_t abandoned = 0;
  bool ready = false;
  bool draining = false;
};

// Whether the parts make progress; `reason` names what does not.
struct Health {
  bool ok = true;
  std::string reason;
};

struct EngineParts;

// Life: construct, add methods, start(), [reload()...], drain(), destroy. add()/remove() are thread-safe;
// status() and health() may be called from any thread; the rest by one controlling thread.
class Engine {
 public:
  // Throws std::invalid_argument for settings that can't be meant.
  explicit Engine(Settings settings);
  // Stops at once what still runs.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // See sluice::Server::add() and remove().
  void add(MethodSpec method);
  bool remove(const std::string& name);

  // Opens the listeners (taking `inherited` ones in place of those of the same address) and the admin
  // listener, and starts the threads. Throws std::system_error whose what() names the address, and
  // std::invalid_argument for a socket that may not be served, see check_unnamed(). `stop` ends its waits for
  // others: it then either throws std::system_error or has started all the same.
  void start(std::vector<InheritedSocket> inherited = {}, const std::stop_token& stop = {});

  // Applies all settings but io_threads, workers, workers_max and worker_cpus. New listeners are opened
  // first: if one can't be, std::system_error is thrown and nothing has changed. Calls that run keep the
  // limits they began with. `stop` as with start().
  void reload(const Settings& settings, const std::stop_token& stop = {});

  // Not ready from here on; listening sockets are closed, new calls answered -32012, admitted ones finish.
  // What has not done so shortly before the end of `drain_timeout`, counted from `begun`, is cancelled and
  // answered -32012. Blocks until every connection is closed and every process has ended, or the time is
  // over. False if a handler was still running at the end.
  bool drain(TimePoint begun = Clock::now());

  EngineStatus status() const;

  // Asks every I/O thread for a sign of life and looks whether every worker is stuck past its call's time
  // limit. Blocks for `patience` at most.
  Health health(milliseconds patience) const;

  std::vector<std::string> addresses() const;  // as bound, port 0 resolved
  std::string admin_address() const;           // empty: none

 private:
  std::unique_ptr<EngineParts> parts_;
};

}  // namespace sluice::core
