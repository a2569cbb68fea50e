#include "lib/backend/child/backend.hpp"

#include <algorithm>
#include <new>

#include "lib/observe/log.hpp"

namespace sluice::core {

ChildBackend::ChildBackend(BackendHub& hub, BackendSettings settings, std::string version,
                           std::shared_ptr<BackendMetrics> metrics, Discovered discovered, Started started)
    : hub_(hub),
      settings_(std::move(settings)),
      metrics_(std::move(metrics)),
      discovered_(std::move(discovered)),
      version_(std::move(version)),
      started_(std::move(started)) {
  for (std::size_t i = 0; i < settings_.child->instances; ++i) supervisors_.push_back(new_instance(i));
}

std::unique_ptr<ChildSupervisor> ChildBackend::new_instance(std::size_t index) {
  ChildSupervisor::Owner& owner = *this;
  // All are the same: one of them tells for all.
  const bool discover = settings_.discover && index == 0;
  return std::make_unique<ChildSupervisor>(hub_, settings_, index, discover, *metrics_, log_, owner);
}

void ChildBackend::start_instances() {
  for (const auto& each : supervisors_) {
    if (!settings_.child->lazy) each->start();
  }
}

void ChildBackend::start() {
  if (settings_.child->watch) {
    ProgramWatch::Owner& owner = *this;
    watch_ =
        std::make_unique<ProgramWatch>(hub_, *settings_.child, version_, "backend " + settings_.name, owner);
  }
  start_instances();
  // One start shows whether the program runs, if a reload waits for that.
  if (settings_.child->lazy && started_) supervisors_.front()->start();
}

void ChildBackend::on_started(const ChildFailure* failure) {
  if (const Started started = std::exchange(started_, {})) started(failure != nullptr ? failure->what : "");
}

void ChildBackend::on_unread(BackendCall& call) {
  call.begun = false;
  waiting_.push_back(call, call.call.priority);
}

void ChildBackend::submit(BackendCall& call) {
  ++calls_;
  call.waits_since = hub_.now();
  waiting_.push_back(call, call.call.priority);
  dispatch();
}

void ChildBackend::dispatch() {
  // Calls that end meanwhile need no second walk.
  if (std::exchange(dispatching_, true)) return;
  waiting_.set_fair(hub_.fair());
  while (!waiting_.empty()) {
    ChildSupervisor* const instance = pick();
    if (instance == nullptr) {
      start_for_waiting();
      if (hopeless()) refuse_waiting();
      break;
    }
    assign(*waiting_.pop(hub_.now()), *instance);
  }
  dispatching_ = false;
  show_breaker();
}

void ChildBackend::assign(BackendCall& call, ChildSupervisor& to) {
  try {
    to.send(call);
  } catch (const std::bad_alloc&) {
    --calls_;
    hub_.finish_out_of_memory(call);
  }
}

ChildSupervisor* ChildBackend::pick() {
  ChildSupervisor* best = nullptr;
  ++next_;
  for (std::size_t i = 0; i < supervisors_.size(); ++i) {
    ChildSupervisor& each = *supervisors_[(next_ + i) % supervisors_.size()];
    if (each.takes_call() && (best == nullptr || each.in_flight() < best->in_flight())) best = &each;
  }
  return best;
}

// Lazy instances, as many as the calls need that none of those that run or are about to can take.
void ChildBackend::start_for_waiting() {
  if (!settings_.child->lazy) return;
  std::size_t served = 0;  // calls that are, or will be, with an instance
  for (const auto& each : earlier_) served += each->in_flight();
  for (const auto& each : supervisors_) {
    served += each->starting() ? settings_.child->concurrency : each->in_flight();
  }
  for (const auto& each : supervisors_) {
    if (served >= calls_) return;
    if (!each->may_start()) continue;
    each->start();
    if (each->starting()) served += settings_.child->concurrency;
  }
}

bool ChildBackend::hopeless() const {
  return std::ranges::none_of(supervisors_, [](const auto& each) { return each->will_take_call(); });
}

void ChildBackend::refuse_waiting() {
  try {
    const proto::Error error = refusal();
    while (BackendCall* const call = waiting_.pop(hub_.now())) on_done(*call, nullptr, &error);
  } catch (const std::bad_alloc&) {
    while (BackendCall* const call = waiting_.pop(hub_.now())) {
      --calls_;
      hub_.finish_out_of_memory(*call);
    }
  }
}

proto::Error ChildBackend::refusal() const {
  const auto running = std::ranges::any_of(supervisors_, [](const auto& each) { return each->running(); });
  milliseconds soonest = kLongestWait;
  for (const auto& each : supervisors_) {
    if (each->running() == running) soonest = std::min(soonest, each->retry_after());
  }
  return running ? proto::circuit_open(settings_.name, soonest)
                 : proto::backend_down(settings_.name, soonest);
}

ChildSupervisor* ChildBackend::instance_of(const BackendCall& call) {
  for (const auto* const instances : {&supervisors_, &earlier_}) {
    const auto found = std::ranges::find_if(*instances, [&](const auto& each) { return each->owns(call); });
    if (found != instances->end()) return found->get();
  }
  return nullptr;
}

void ChildBackend::on_program_changed(std::string_view file) {
  spdlog::info("backend {}: {} changed; new processes take the next calls", settings_.name,
               file.empty() ? "its program has" : printable(file) + " has");
  changed_ = true;
  replace_instances();
}

void ChildBackend::replace_instances() {
  const std::size_t earlier_max = kEarlierMax * settings_.child->instances;
  if (!changed_ || retiring_ || earlier_.size() + supervisors_.size() > earlier_max) return;
  changed_ = false;
  std::vector<std::unique_ptr<ChildSupervisor>> made;
  for (std::size_t i = 0; i < supervisors_.size(); ++i) made.push_back(new_instance(i));
  earlier_.reserve(earlier_.size() + supervisors_.size());
  for (auto& each : supervisors_) {
    if (each->was_started()) metrics_->restarts.fetch_add(1, std::memory_order_relaxed);
    each->replace();
    earlier_.push_back(std::move(each));
  }
  supervisors_ = std::move(made);
  start_instances();
  on_change();
}

void ChildBackend::end_earlier() {
  // A start that is given up reports that from within the loop.
  if (std::exchange(ending_earlier_, true)) return;
  for (std::size_t i = 0; i < earlier_.size();) {
    ChildSupervisor& each = *earlier_[i];
    if (each.in_flight() == 0) each.end(false);
    if (!each.ended()) {
      ++i;
      continue;
    }
    // It may be what calls this.
    hub_.dispose(std::shared_ptr<void>(std::move(earlier_[i])));
    earlier_.erase(earlier_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  ending_earlier_ = false;
  replace_instances();
}

void ChildBackend::stop_call(BackendCall& call) {
  if (ChildSupervisor* const instance = instance_of(call)) return instance->stop_call(call);
  static_cast<BackendCall::QueueHook&>(call).unlink();
  on_done(call, nullptr, nullptr);
}

void ChildBackend::on_unanswered(BackendCall& call, TimePoint) {
  if (ChildSupervisor* const instance = instance_of(call)) instance->on_hanging(call);
}

void ChildBackend::on_change() {
  dispatch();
  end_earlier();
  end_if_done();
}

void ChildBackend::on_discovered(std::string_view document) {
  if (!retiring_) discovered_(document);
}

void ChildBackend::on_done(BackendCall& call, const proto::Reply* reply, const proto::Error* error) {
  --calls_;
  if (call.begun) metrics_->run_time.observe(hub_.now() - call.call.started);
  hub_.finish(call, reply, error);
  dispatch();
  if (!earlier_.empty()) end_earlier();
  end_if_done();
}

void ChildBackend::show_breaker() {
  metrics_->breaker_state.store(most_willing_state(supervisors_), std::memory_order_relaxed);
}

void ChildBackend::retire(bool kill) {
  retiring_ = true;
  watch_.reset();
  if (kill) {
    refuse_waiting();
    for (const auto& each : supervisors_) each->end(true);
    for (const auto& each : earlier_) each->end(true);
  }
  end_if_done();
}

void ChildBackend::end_if_done() {
  if (!retiring_ || calls_ > 0) return;
  for (const auto& each : supervisors_) each->end(false);
  end_earlier();
  if (retired()) hub_.look_at_retired();
}

bool ChildBackend::retired() const {
  const auto over = [](const auto& each) { return each->ended(); };
  return retiring_ && calls_ == 0 && std::ranges::all_of(supervisors_, over) &&
         std::ranges::all_of(earlier_, over);
}

}  // namespace sluice::core
