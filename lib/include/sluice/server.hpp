// Server: a JSON-RPC server that a program embeds.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sluice/client_options.hpp>
#include <sluice/event_options.hpp>
#include <sluice/listen_options.hpp>
#include <sluice/method.hpp>
#include <sluice/typed.hpp>

namespace sluice {

// Options of a server. The defaults are the daemon's; sizes are in bytes.
struct ServerOptions {
  std::vector<ListenOptions> listen = {"tcp://127.0.0.1:7070"};  // addresses, or complete ListenOptions
  bool insecure = false;                                         // for all addresses, see ListenOptions
  std::vector<ClientOptions>
      clients{};                    // clients that may call; none: all that can connect may call everything
  std::string admin = "";           // /metrics, /healthz, /readyz; empty: none
  std::string log_level = "info";   // trace debug info warn error
  std::size_t io_threads = 0;       // 0: from the CPU count
  bool busy_poll = true;            // polls while calls follow each other closely
  std::size_t workers = 0;          // 0: from the CPU count
  std::size_t worker_queue = 1024;  // calls that may wait per worker
  std::size_t max_in_flight = 0;    // 0: workers * (worker_queue + 1)
  std::size_t max_connections = 10000;
  std::size_t max_message = 4u << 20;
  std::size_t max_response = 16u << 20;
  std::chrono::milliseconds call_timeout = std::chrono::seconds(30);
  std::chrono::milliseconds drain_timeout = std::chrono::seconds(20);
  EventOptions events{};
};

// A JSON-RPC server. Any thread may call add() and remove() at any time. The other functions belong to the
// thread that created the server.
class Server {
 public:
  // Copies the options. Throws std::invalid_argument for invalid or contradictory ones (a malformed address,
  // a client without credentials, TLS without a key). Its text names the option and the allowed values.
  explicit Server(ServerOptions options = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Adds a method with named, typed params: any callable whose parameters and result are JSON types,
  // optionally with a `Call&` first. Params may be sent by position or by name. Params that don't fit are
  // answered -32602 before the callable is called. It is called from several threads at once.
  //   server.add("calc.add", {"a", "b"}, [](double a, double b) { return a + b; });
  template <typename Callable>
  void add(std::string name, std::vector<std::string> param_names, Callable callable,
           MethodOptions options = {}) {
    add(typed_method(std::move(name), std::move(param_names), std::move(callable), std::move(options)));
  }

  // Adds a method that takes its params as one JSON value: `Json f(Call&, const Json& params)`, or
  // `Result<Json>`. Absent params are null.
  template <typename Callable>
  void add(std::string name, Callable callable, MethodOptions options = {}) {
    add(json_method(std::move(name), std::move(callable), std::move(options)));
  }

  // Adds a method that works on JSON text.
  void add_text(std::string name, TextHandler handler, MethodOptions options = {});

  // Adds a method, or replaces the one of that name. Throws std::invalid_argument for an empty name, one that
  // begins with "rpc." or "$/", or a missing handler.
  void add(MethodSpec method);

  // Removes a method. Running calls go on. The handler is destroyed with the last of them, on the thread on
  // which that ends, or a moment later. False if there is no such method, or it is the server's own.
  bool remove(const std::string& name);

  // Reads certificates, opens the listeners and starts the threads. Throws std::system_error that names an
  // unavailable address, or std::invalid_argument that names an unusable certificate, key or client_ca;
  // nothing is open then. Returns once connections are served.
  void start();

  // Listen addresses, with port 0 resolved. Valid after start().
  std::vector<std::string> addresses() const;
  std::string admin_address() const;

  // Stops as SIGTERM would: no new calls, running ones finish within drain_timeout, the remaining ones are
  // cancelled. Returns when every connection is closed. False if a handler was still running then.
  bool stop();

  // start(), then waits for SIGTERM, SIGINT or SIGHUP (its terminal is closed), then stop(). Returns the
  // program's exit code: 1 if start() throws for an address or a certificate, which is logged, else 0.
  int run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice
