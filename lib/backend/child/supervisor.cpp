#include "lib/backend/child/supervisor.hpp"

#include <exception>

#include "lib/backend/retry_hint.hpp"
#include "lib/observe/log.hpp"

namespace sluice::core {

ChildSupervisor::ChildSupervisor(BackendHub& hub, const BackendSettings& settings, std::size_t index,
                                 bool discover, BackendMetrics& metrics, StderrLog& log, Owner& owner)
    : hub_(hub),
      settings_(settings),
      index_(index),
      label_("backend " + settings.name + "[" + std::to_string(index) + "]"),
      discover_(discover),
      metrics_(metrics),
      log_(log),
      owner_(owner),
      breaker_(settings.breaker, metrics, *this),
      start_at_(hub.now()) {}

ChildSupervisor::~ChildSupervisor() { hub_.io().clear_deadline(*this); }

bool ChildSupervisor::may_start() const {
  return !over_ && !replaced_ && !process_ && !starting_ && hub_.now() >= start_at_;
}

void ChildSupervisor::start() {
  if (!may_start()) return;
  hub_.io().clear_deadline(*this);
  if (std::exchange(started_, true)) metrics_.restarts.fetch_add(1, std::memory_order_relaxed);
  served_ = killed_ = false;
  ChildStart::Owner& owner = *this;
  try {
    starting_ = std::make_unique<ChildStart>(hub_, *settings_.child, owner);
  } catch (const std::exception& error) {
    // A limit of the system's, or out of memory.
    on_failed({error.what()});
  }
}

void ChildSupervisor::on_begun(SpawnedChild process) {
  starting_.reset();
  if (!launch(std::move(process))) return;
  metrics_.up[index_].store(true, std::memory_order_relaxed);
  discovering_ = discover_;
  await_next();
  owner_.on_started(nullptr);
  owner_.on_change();
}

void ChildSupervisor::on_failed(const ChildFailure& failure) {
  starting_.reset();
  if (!over_) {
    spdlog::error("{}: could not be started: {}", label_, printable(failure.what));
    rest(std::chrono::nanoseconds(0));
  }
  if (!replaced_) owner_.on_started(&failure);
  owner_.on_change();
}

void ChildSupervisor::on_late() {
  spdlog::error(
      "{}: its program has not begun to run in time, such as where its disk does not answer; killed", label_);
  owner_.on_change();
}

// What a process that runs is waited for: its methods, or the end of its breaker's being open, after which
// calls that wait may be handed over.
void ChildSupervisor::await_next() {
  if (discovering_) {
    hub_.io().set_deadline(*this, process_->began() + kDiscoverTime);
  } else if (process_ && breaker_.is_open(hub_.now())) {
    hub_.io().set_deadline(*this, hub_.now() + breaker_.retry_after(hub_.now()));
  }
}

bool ChildSupervisor::launch(SpawnedChild process) {
  ChildProcess::Owner& owner = *this;
  try {
    process_ =
        std::make_shared<ChildProcess>(hub_, std::move(process), settings_.dialect, label_, log_, owner);
    if (discover_) process_->ask("rpc.discover");
  } catch (const std::exception& error) {
    // A limit of the system's, or out of memory.
    process_.reset();
    on_failed({error.what()});
    return false;
  }
  const auto level = recycled_ ? spdlog::level::debug : spdlog::level::info;
  spdlog::log(level, "{}: started as process {}", label_, process_->pid());
  return true;
}

// Until it may be started again: by itself, or by a call.
void ChildSupervisor::rest(std::chrono::nanoseconds lived) {
  if (replaced_) return;
  const bool was_looping = restarts_.crash_looping();
  const auto delay = restarts_.ended(lived, served_, hub_.random_bits());
  start_at_ = hub_.now() + delay;
  if (restarts_.crash_looping() && !was_looping) {
    spdlog::error(
        "{}: in a crash loop: it has ended {} times in a row without an answer; it is started again more and "
        "more rarely",
        label_, RestartPolicy::kCrashLoop);
  }
  // Never from here: what ends in the iteration of its start would be started again and again in one
  // iteration.
  if (!settings_.child->lazy) {
    hub_.io().set_deadline(*this, start_at_);
    if (lived.count() > 0 && !recycled_) spdlog::info("{}: starts again in {} ms", label_, delay.count());
  }
}

void ChildSupervisor::on_deadline(TimePoint) {
  if (!process_) {
    start();
    return owner_.on_change();
  }
  if (!discovering_) return owner_.on_change();
  spdlog::error("{}: no answer to rpc.discover; killed", label_);
  process_->kill();
}

bool ChildSupervisor::takes_call() const {
  return process_ && process_->takes_calls() && process_->in_flight() < settings_.child->concurrency &&
         breaker_.allows(hub_.now());
}

bool ChildSupervisor::will_take_call() const {
  if (starting_) return !starting_->hopeless();
  // One that ended after a useful life is started again at once.
  if (!process_) return !over_ && !settings_.child->lazy && start_at_ <= hub_.now();
  if (process_->ending()) return false;
  return breaker_.may_allow_soon(hub_.now());
}

milliseconds ChildSupervisor::retry_after() const {
  return retry_hint(running() ? breaker_.retry_after(hub_.now())
                              : std::chrono::ceil<milliseconds>(start_at_ - hub_.now()));
}

void ChildSupervisor::send(BackendCall& call) {
  const TimePoint now = hub_.now();
  if (call.call.request.is_notification()) {
    process_->send(call, now);
    owner_.on_done(call, nullptr, nullptr);
    return;
  }
  process_->send(call, now);
  call.probe = breaker_.begin(now);
  hub_.io().set_deadline(call, call.call.deadline + settings_.child->kill_after);
}

void ChildSupervisor::stop_call(BackendCall& call) {
  if (call.unanswered(hub_.now())) {
    record_failure(call);
  } else if (call.probe && !std::exchange(call.outcome_recorded, true)) {
    breaker_.abandoned();
  }
  if (process_) process_->cancel(call);
  if (shared() && hub_.now() < call.call.deadline) {
    hub_.io().set_deadline(call, hub_.now() + settings_.child->kill_after);
  }
  // Its breaker may have opened, or have room for another probe.
  owner_.on_change();
}

// What is wrong with the process, where a call is carried on for longer than it may be; null where that costs
// no other call anything, or too little to end others' calls for.
const char* ChildSupervisor::fault(const BackendCall& call) const {
  const bool unanswered = hub_.now() >= call.call.deadline + settings_.child->kill_after;
  if (!shared()) return unanswered ? "and the process can take no other call" : nullptr;
  if (unanswered && process_->last_heard() <= call.call.deadline)
    return "and the process has written nothing since";
  const bool crowded = 2 * process_->lingering() > settings_.child->concurrency;
  return crowded ? "like more than half of the calls that the process may have" : nullptr;
}

void ChildSupervisor::on_hanging(BackendCall& call) {
  const TimePoint limit = call.call.deadline + settings_.child->kill_after;
  if (call.stopped) process_->note_lingering(call);
  const char* const what = fault(call);
  if (what == nullptr) {
    if (hub_.now() < limit) hub_.io().set_deadline(call, limit);
    return;
  }
  spdlog::warn("{}: a call of {} has not ended {} ms after its time limit or cancellation, {}; killed",
               label_, printable(call.call.request.method), settings_.child->kill_after.count(), what);
  killed_ = true;
  process_->kill();
}

void ChildSupervisor::on_reply(ChildProcess&, BackendCall& call, const proto::Reply& reply) {
  served_ = true;
  record_success(call);
  owner_.on_done(call, &reply, nullptr);
}

void ChildSupervisor::on_oversize_reply(ChildProcess&, BackendCall& call) {
  served_ = true;
  record_success(call);
  const auto error = proto::response_too_big(hub_.limits().response_bytes_max);
  owner_.on_done(call, nullptr, &error);
}

// It has run, and asking again would not make the reply shorter.
void ChildSupervisor::on_bad_reply(ChildProcess&, BackendCall& call) {
  record_failure(call);
  const auto error = proto::internal_error();
  owner_.on_done(call, nullptr, &error);
}

void ChildSupervisor::on_answer(ChildProcess&, std::string_view result) {
  discovering_ = false;
  hub_.io().clear_deadline(*this);
  await_next();
  if (result.empty()) {
    spdlog::error("{}: rpc.discover was answered with an error", label_);
  } else {
    if (!replaced_) owner_.on_discovered(result);
  }
}

// A process that recycles itself, or is ended by others, ends between two calls: the next may be in its pipe
// by then. One that has been of no use yet may end before it reads, again and again.
void ChildSupervisor::return_unread(ChildProcess& process) {
  process.calls.for_each([&](BackendCall& call) {
    if (!process.unread(call) || call.stopped) return;
    process.release(call);
    hub_.io().clear_deadline(call);
    if (std::exchange(call.probe, false)) breaker_.abandoned();
    owner_.on_unread(call);
  });
}

void ChildSupervisor::on_end(ChildProcess& process, const ChildEnd& end) {
  if (!replaced_) metrics_.up[index_].store(false, std::memory_order_relaxed);
  hub_.io().clear_deadline(*this);
  recycled_ = end.is_orderly && served_ && !over_;
  // One that recycles itself may do that after each call: clients must not fill the log.
  const auto level = recycled_ ? spdlog::level::debug : over_ ? spdlog::level::info : spdlog::level::warn;
  spdlog::log(level, "{}: process ended: {}", label_, end.how);
  log_.finish(label_);
  const std::shared_ptr<ChildProcess> ended = std::move(process_);
  process_ = nullptr;
  hub_.dispose(ended);
  if (!over_) {
    if (end.is_orderly || served_) return_unread(process);
    // Only calls fail: a process that ends between them does not fail. A call that it was killed for has been
    // outcome_recorded already. A probe, if there was one, is lost with it.
    bool has_failed_call = false;
    process.calls.for_each([&](const BackendCall& call) {
      has_failed_call = has_failed_call || (!call.outcome_recorded && !call.stopped);
    });
    if ((has_failed_call && !killed_) || breaker_.probing()) breaker_.failed(hub_.now(), true);
    rest(hub_.now() - process.began());
  }
  const auto error = proto::backend_down(settings_.name, retry_after());
  while (BackendCall* const call = process.calls.front()) {
    process.release(*call);
    call->outcome_recorded = true;
    owner_.on_done(*call, nullptr, &error);
  }
  owner_.on_change();
}

void ChildSupervisor::record_success(BackendCall& call) {
  if (std::exchange(call.outcome_recorded, true)) return;
  breaker_.succeeded(hub_.now(), hub_.now() - call.call.started, call.probe);
}

void ChildSupervisor::record_failure(BackendCall& call) {
  if (std::exchange(call.outcome_recorded, true)) return;
  breaker_.failed(hub_.now(), call.probe);
}

void ChildSupervisor::on_breaker_line(bool is_warning, std::string_view text) {
  spdlog::log(is_warning ? spdlog::level::warn : spdlog::level::info, "{}: {}", label_, text);
}

void ChildSupervisor::replace() {
  replaced_ = true;
  metrics_.up[index_].store(false, std::memory_order_relaxed);
  if (!process_) hub_.io().clear_deadline(*this);
}

void ChildSupervisor::end(bool kill) {
  over_ = true;
  hub_.io().clear_deadline(*this);
  if (starting_) starting_->abandon({"it is not needed any more"});
  if (process_) kill ? process_->kill() : process_->end(kEndGrace);
}

}  // namespace sluice::core
