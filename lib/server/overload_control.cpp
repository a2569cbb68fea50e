#include "lib/server/overload_control.hpp"

#include <algorithm>
#include <system_error>

#include "lib/observe/log.hpp"

namespace sluice::core {

std::size_t PoolSize::update(std::size_t stuck, bool waits_long, bool waits) {
  if (waits_long && least_ + stuck + extra_ < most_) ++extra_;
  calm_ = waits ? 0 : calm_ + 1;
  if (calm_ >= kCalmLooks) {
    calm_ = 0;
    if (extra_ > 0) --extra_;
  }
  return std::min(most_, least_ + stuck + extra_);
}

OverloadControl::OverloadControl(IoThread& io, Admission& admission, WorkerPool& pool, const Metrics& metrics,
                                 std::size_t workers_min)
    : io_(io),
      admission_(admission),
      pool_(pool),
      metrics_(metrics),
      limit_(1, admission.in_flight_max()),
      size_(workers_min, pool.size()),
      fits_pool_(pool.size() > workers_min) {}

OverloadControl::~OverloadControl() = default;

void OverloadControl::configure(const AdmissionSettings& settings, std::size_t in_flight_max) {
  adaptive_ = settings.adaptive;
  limit_.set_bounds(settings.limit_min, in_flight_max);
  admission_.set_limit(adaptive_ ? limit_.limit() : in_flight_max);
  if (!adaptive_ && !fits_pool_) return stop();
  last_look_ = Clock::now();
  take_sample(last_look_);
  io_.set_deadline(*this, last_look_ + kInterval);
}

void OverloadControl::stop() { io_.clear_deadline(*this); }

void OverloadControl::on_deadline(TimePoint now) {
  io_.set_deadline(*this, now + kInterval);
  const LoadSample sample = take_sample(now);
  if (fits_pool_) fit_pool(sample, now);
  if (!adaptive_) return;
  const std::size_t before = limit_.limit();
  const std::size_t limit = limit_.update(sample);
  admission_.set_limit(limit);
  if (limit < before) spdlog::debug("calls wait too long: in-flight limit {}", limit);
}

// Measurements since the last check.
LoadSample OverloadControl::take_sample(TimePoint now) {
  LoadSample total;
  for (const auto& shard : metrics_.shards()) {
    total.calls += shard->returned.get();
    total.queued += std::chrono::nanoseconds(shard->queued_ns.get());
    total.ran += std::chrono::nanoseconds(shard->ran_ns.get());
  }
  const LoadSample sample{total.calls - last_.calls, total.queued - last_.queued, total.ran - last_.ran,
                          now - std::exchange(last_look_, now)};
  last_ = total;
  return sample;
}

void OverloadControl::fit_pool(const LoadSample& sample, TimePoint now) {
  const std::size_t waiting = pool_.waiting_approx();
  const auto mean_wait = sample.calls > 0 ? sample.queued / static_cast<std::int64_t>(sample.calls)
                                          : std::chrono::nanoseconds(0);
  // If no call has ended, the waiting ones have waited all the time.
  const bool waits_long = waiting > 0 && (sample.calls == 0 || mean_wait > kLongWait);
  const std::size_t before = pool_.active();
  const std::size_t wanted = size_.update(pool_.stuck_approx(now, kStuckGrace), waits_long, waiting > 0);
  if (wanted == before) return;
  try {
    pool_.resize(wanted);
    resized_.log(spdlog::level::info, now,
                 [&] { return fmt::format("{} workers, {} before", wanted, before); });
  } catch (const std::system_error& error) {
    not_resized_.log(spdlog::level::err, now,
                     [&] { return fmt::format("no worker could be added: {}", error.what()); });
  }
}

}  // namespace sluice::core
