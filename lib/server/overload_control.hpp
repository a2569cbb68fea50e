// Overload control: adapts the limit of calls in flight and the number of workers to measurements.
#pragma once

#include <cstddef>

#include "lib/admission/admission.hpp"
#include "lib/admission/admission_settings.hpp"
#include "lib/admission/gradient_limit.hpp"
#include "lib/observe/metrics.hpp"
#include "lib/observe/rare_line.hpp"
#include "lib/worker/io_thread.hpp"
#include "lib/worker/worker_pool.hpp"

namespace sluice::core {

// The number of workers. Pure; not thread-safe.
class PoolSize {
 public:
  PoolSize(std::size_t least, std::size_t most) : least_(least), most_(most) {}

  // One more worker for each that is stuck past its call's time limit, while it is. One more for each check
  // that found calls waiting longer than they run, and one less for each `kCalmLooks` checks without waiting
  // calls.
  std::size_t update(std::size_t stuck, bool waits_long, bool waits);

 private:
  static constexpr int kCalmLooks = 50;

  std::size_t least_;
  std::size_t most_;
  std::size_t extra_ = 0;
  int calm_ = 0;
};

// Checks ten times a second, on its thread, and only if there is something to adapt. Only that thread calls
// its members.
class OverloadControl final : private Deadline {
 public:
  OverloadControl(IoThread& io, Admission& admission, WorkerPool& pool, const Metrics& metrics,
                  std::size_t workers_min);
  ~OverloadControl();

  // Starts, continues with other settings, or stops. After a stop the limit is `in_flight_max`.
  void configure(const AdmissionSettings& settings, std::size_t in_flight_max);
  void stop();

 private:
  static constexpr auto kInterval = milliseconds(100);
  static constexpr auto kStuckGrace = seconds(1);
  static constexpr auto kLongWait = milliseconds(10);  // mean wait of calls from which a worker is added

  void on_deadline(TimePoint now) override;
  LoadSample take_sample(TimePoint now);
  void fit_pool(const LoadSample& sample, TimePoint now);

  IoThread& io_;
  Admission& admission_;
  WorkerPool& pool_;
  const Metrics& metrics_;
  GradientLimit limit_;
  PoolSize size_;
  RareLine resized_;
  RareLine not_resized_;
  LoadSample last_;  // totals at the last check
  TimePoint last_look_;
  bool adaptive_ = false;
  const bool fits_pool_;
};

}  // namespace sluice::core
