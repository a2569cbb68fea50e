#include "lib/include/sluice/server.hpp"

#include <csignal>
#include <stdexcept>
#include <system_error>

#include <pthread.h>

#include "lib/observe/log.hpp"
#include "lib/server/engine.hpp"

namespace sluice {
namespace {

core::SlowPolicy to_settings(SlowPolicy policy) {
  switch (policy) {
    case SlowPolicy::close:
      return core::SlowPolicy::close;
    case SlowPolicy::drop_oldest:
      return core::SlowPolicy::drop_oldest;
    case SlowPolicy::conflate:
      return core::SlowPolicy::conflate;
  }
  throw std::invalid_argument("events.slow is not a policy");
}

core::TopicSettings to_settings(const TopicOptions& options) {
  core::TopicSettings settings;
  settings.history_events_max = options.history;
  settings.history_bytes_max = options.history_bytes;
  settings.history_age_max = options.history_age;
  settings.key = options.key;
  if (options.slow) settings.slow = to_settings(*options.slow);
  return settings;
}

core::EventSettings to_settings(const EventOptions& options) {
  core::EventSettings settings;
  settings.connection_subscriptions_max = options.max_subscriptions;
  settings.subscriptions_max = options.max_subscriptions_total;
  settings.queue_events_max = options.queue;
  settings.queue_bytes_max = options.queue_bytes;
  settings.slow = to_settings(options.slow);
  settings.slow_grace = options.slow_grace;
  settings.event_bytes_max = options.max_event;
  settings.heartbeat = options.heartbeat;
  settings.first_event_delay = options.first_event_delay;
  settings.http_path = options.http_path;
  for (const auto& [pattern, topic] : options.topics) settings.topics.emplace(pattern, to_settings(topic));
  return settings;
}

core::Settings to_settings(const ServerOptions& options) {
  core::Settings settings;
  settings.io_threads = options.io_threads;
  settings.limits.busy_poll = options.busy_poll;
  settings.workers = options.workers;
  settings.worker_queue = options.worker_queue;
  settings.max_in_flight = options.max_in_flight;
  settings.max_connections = options.max_connections;
  settings.limits.message_bytes_max = options.max_message;
  settings.limits.response_bytes_max = options.max_response;
  settings.limits.call_timeout = options.call_timeout;
  settings.drain_timeout = options.drain_timeout;
  settings.admin_address = options.admin;
  settings.log.level = options.log_level;
  settings.events = to_settings(options.events);
  settings.clients = options.clients;
  settings.listeners = options.listen;
  for (core::ListenSettings& listener : settings.listeners) listener.insecure |= options.insecure;
  return settings;
}

// Starts the server, or logs the problem.
bool starts(Server& server) {
  try {
    server.start();
    return true;
  } catch (const std::system_error& error) {
    spdlog::error("{}", error.what());
  } catch (const std::invalid_argument& error) {
    spdlog::error("{}", error.what());
  }
  return false;
}

}  // namespace

struct Server::Impl {
  explicit Impl(const core::Settings& settings) : engine(settings) {}
  core::Engine engine;
};

Server::Server(ServerOptions options) {
  const core::Settings settings = to_settings(options);
  core::configure_log(settings.log);
  impl_ = std::make_unique<Impl>(settings);
}

Server::~Server() = default;

void Server::add(MethodSpec method) { impl_->engine.add(std::move(method)); }

void Server::add_text(std::string name, TextHandler handler, MethodOptions options) {
  MethodSpec method;
  method.name = std::move(name);
  method.kind = options.kind();
  method.handler = std::move(handler);
  method.options = std::move(options);
  add(std::move(method));
}

bool Server::remove(const std::string& name) { return impl_->engine.remove(name); }
void Server::start() { impl_->engine.start(); }
std::vector<std::string> Server::addresses() const { return impl_->engine.addresses(); }
std::string Server::admin_address() const { return impl_->engine.admin_address(); }
bool Server::stop() { return impl_->engine.drain(); }

int Server::run() {
  // Blocked before the threads start, so that no thread is interrupted and this one can wait for the signals.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);  // the terminal was closed
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &signals, &before);
  if (!starts(*this)) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return 1;
  }
  int signal = 0;
  sigwait(&signals, &signal);
  spdlog::info("stopping");
  // A second signal ends the process at once, as it would without this library.
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!stop()) spdlog::warn("a handler is still running");
  spdlog::info("stopped");
  return 0;
}

}  // namespace sluice
