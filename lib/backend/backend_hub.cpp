#include "lib/backend/backend_hub.hpp"

#include <algorithm>
#include <future>
#include <new>
#include <thread>

#include "lib/observe/log.hpp"

namespace sluice::core {
namespace {

constexpr auto kStopLook = milliseconds(2);
constexpr auto kKillTime = seconds(1);  // for what was killed to be gone

}  // namespace

BackendHub::BackendHub(const Limits& limits, WorkerPool& pool, MetricsShard& metrics)
    : own_(std::make_unique<IoThread>(0, "backends", limits, pool, metrics)),
      io_(*own_),
      random_(std::random_device{}()) {}

BackendHub::BackendHub(IoThread& shared) : io_(shared), random_(std::random_device{}()) {}

BackendHub::~BackendHub() { stop(milliseconds(0)); }

void BackendHub::stop(milliseconds patience) {
  if (!io_.running()) return;
  end_all(Clock::now() + patience);
  if (!own_) {
    run_and_wait(io_, Clock::now() + kKillTime, [this] { cut_off(); });
  } else {
    own_->stop_and_join();
    cut_off();
  }
  starter_.stop();
}

// Whatever did not end in time; its calls are answered already, or their clients gone.
void BackendHub::cut_off() {
  while (!calls_.empty()) finish(calls_.begin()->second);
  backends_.clear();
  disposed_.clear();
}

void BackendHub::retire_all() {
  io_.post([this] {
    retire_each(false);
    clean();
  });
}

void BackendHub::end_all(TimePoint kill_at) {
  const auto wait = [this](bool kill, TimePoint until) {
    do {
      if (none_left(kill)) return true;
      std::this_thread::sleep_for(kStopLook);
    } while (Clock::now() < until);
    return false;
  };
  if (!io_.running()) return;
  if (!wait(false, kill_at)) wait(true, Clock::now() + kKillTime);
}

void BackendHub::retire_each(bool kill) {
  for (auto& [id, entry] : backends_) {
    if (kill || !entry.retiring) entry.backend->retire(kill);
    entry.retiring = true;
  }
}

// Retires all, and tells whether nothing is left of any.
bool BackendHub::none_left(bool kill) {
  const auto left = std::make_shared<std::promise<bool>>();
  auto none_left = left->get_future();
  io_.post([this, left, kill] {
    retire_each(kill);
    clean();
    left->set_value(backends_.empty());
  });
  return none_left.wait_for(kKillTime) == std::future_status::ready && none_left.get();
}

void BackendHub::add(BackendId id, Maker make) {
  io_.post([this, id, make = std::move(make)] {
    auto made = make(*this);
    Backend& backend = *made;
    backends_[id].backend = std::move(made);
    backend.start();
  });
  // What it is asked by calls may be taken up before this otherwise: they are waited for together.
  flush();
}

void BackendHub::retire(BackendId id) {
  io_.post([this, id] {
    const auto found = backends_.find(id);
    if (found == backends_.end()) return;
    found->second.retiring = true;
    found->second.backend->retire(false);
    look_at_retired();
  });
}

void BackendHub::renew(BackendId id) {
  io_.post([this, id] {
    const auto found = backends_.find(id);
    if (found != backends_.end()) found->second.backend->renew();
  });
}

void BackendHub::flush() { run_and_wait(io_, Clock::now() + kControlTime, {}); }

void BackendHub::set_limits(const Limits& limits) {
  io_.post([this, limits] { io_.set_limits(limits); });
}

void BackendHub::submit(BackendId backend, ActiveCall& call) {
  call.serial = next_serial_.fetch_add(1, std::memory_order_relaxed);
  send({backend, call.serial, &call});
}

void BackendHub::stop_call(std::uint64_t serial) noexcept {
  try {
    send({0, serial, nullptr});
  } catch (const std::bad_alloc&) {
    // It runs on until its backend has done with it.
  }
}

void BackendHub::send(const Message& message) {
  if (io_.here()) return take(message);
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back(message);
    wake = inbox_.size() == 1 || std::exchange(wake_owed_, false);
  }
  if (!wake) return;
  try {
    io_.post([this] { take_messages(); });
  } catch (const std::bad_alloc&) {
    // The next sender makes up for it: a call that waits until then has a time limit, which sends.
    const std::lock_guard lock(mutex_);
    wake_owed_ = true;
  }
}

void BackendHub::take_messages() {
  std::vector<Message> taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(inbox_);
    inbox_.swap(spare_inbox_);
  }
  for (const Message& message : taken) take(message);
  taken.clear();
  spare_inbox_.swap(taken);  // with its room
}

void BackendHub::take(const Message& message) {
  message.call == nullptr ? take_stop(message.serial) : take_call(message);
}

void BackendHub::take_stop(std::uint64_t serial) {
  BackendCall* const call = find(serial);
  if (call == nullptr || call->stopped) return;
  call->stopped = true;
  try {
    call->backend.stop_call(*call);
  } catch (const std::bad_alloc&) {
    // It runs on until its backend has done with it.
  }
}

// Whatever goes wrong costs this call only: others are on their way with it.
void BackendHub::take_call(const Message& message) {
  const auto found = backends_.find(message.backend);
  if (found == backends_.end()) {
    compose_internal_error(*message.call);
    return end_async(*message.call);
  }
  try {
    const auto [at, is_new] = calls_.try_emplace(message.serial, *message.call, *found->second.backend);
    found->second.backend->submit(at->second);
  } catch (const std::bad_alloc&) {
    if (BackendCall* const call = find(message.serial)) return finish_out_of_memory(*call);
    compose_internal_error(*message.call);
    end_async(*message.call);
  }
}

BackendCall* BackendHub::find(std::uint64_t serial) {
  const auto found = calls_.find(serial);
  return found == calls_.end() ? nullptr : &found->second;
}

bool BackendHub::waits(std::uint64_t serial) {
  const BackendCall* const call = find(serial);
  return call != nullptr && !call->begun;
}

void BackendHub::finish(BackendCall& call, const proto::Reply* reply, const proto::Error* error) {
  ActiveCall& active = call.call;
  const bool due = !call.stopped && !active.request.is_notification();
  try {
    if (due && reply != nullptr && reply->error.empty()) {
      compose_result(active, reply->result);
    } else if (due && reply != nullptr) {
      const bool not_found = reply->error_code == static_cast<int>(proto::ErrorCode::method_not_found);
      if (not_found && not_found_) not_found_(*active.method);
      compose_forwarded_error(active, reply->error, reply->error_code);
    } else if (due && error != nullptr) {
      compose_error(active, *error);
    } else {
      active.reply.clear();
      active.code = call.stopped ? static_cast<int>(proto::ErrorCode::cancelled) : 0;
    }
  } catch (const std::bad_alloc&) {
    compose_internal_error(active);
  }
  complete(call);
}

void BackendHub::finish_out_of_memory(BackendCall& call) {
  compose_internal_error(call.call);
  complete(call);
}

void BackendHub::complete(BackendCall& call) {
  ActiveCall& active = call.call;
  io_.clear_deadline(call);
  calls_.erase(call.serial);
  end_async(active);
}

void BackendHub::dispose(std::shared_ptr<void> thing) {
  disposed_.push_back(std::move(thing));
  io_.defer(cleaner_);
}

void BackendHub::clean() {
  disposed_.clear();
  std::erase_if(backends_,
                [](const auto& each) { return each.second.retiring && each.second.backend->retired(); });
}

}  // namespace sluice::core
