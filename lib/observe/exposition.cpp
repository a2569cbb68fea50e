#include "lib/observe/exposition.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "lib/observe/process_stats.hpp"
#include "lib/version.hpp"

namespace sluice::core {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

MetricFamily family(const std::string& name, const std::string& help, MetricType type) {
  MetricFamily made;
  made.name = name;
  made.help = help;
  made.type = type;
  return made;
}

void add(MetricFamily& to, Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  if (to.type == MetricType::Counter)
    metric.counter.value = value;
  else
    metric.gauge.value = value;
  to.metric.push_back(std::move(metric));
}

// One method's counts, summed over the threads.
struct Sum {
  struct Histogram {
    std::array<std::uint64_t, DurationHistogram::kBuckets> buckets{};
    std::uint64_t sum_ns = 0;
    bool empty() const {
      return std::ranges::all_of(buckets, [](std::uint64_t count) { return count == 0; });
    }
    void add(const DurationHistogram& from) {
      for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += from.count(i);
      sum_ns += from.sum_ns();
    }
  };
  std::map<std::string, std::uint64_t> codes;
  Histogram queue;
  Histogram run;
};

std::map<std::size_t, Sum> sums_by_slot(const Metrics& metrics) {
  std::map<std::size_t, Sum> sums;
  for (const auto& shard : metrics.shards()) {
    shard->for_each_method([&sums](std::size_t slot, const MethodShard& method) {
      Sum& sum = sums[slot];
      method.for_each_code(
          [&sum](const std::string& code, std::uint64_t count) { sum.codes[code] += count; });
      sum.queue.add(method.queue_time);
      sum.run.add(method.run_time);
    });
  }
  return sums;
}

void add_histogram(MetricFamily& to, Labels labels, const Sum::Histogram& from) {
  ClientMetric metric;
  metric.label = std::move(labels);
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < from.buckets.size(); ++i) {
    cumulative += from.buckets[i];
    const bool last = i == DurationHistogram::kBoundsUs.size();
    const double bound =
        last ? std::numeric_limits<double>::infinity() : DurationHistogram::kBoundsUs[i] / 1e6;
    metric.histogram.bucket.push_back({cumulative, bound});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = static_cast<double>(from.sum_ns) / 1e9;
  to.metric.push_back(std::move(metric));
}

void collect_calls(const Metrics& metrics, std::vector<MetricFamily>& to) {
  auto calls = family("sluice_calls_total", "Calls answered, by method and outcome.", MetricType::Counter);
  auto queue =
      family("sluice_call_queue_seconds", "Time from receipt to the handler's start.", MetricType::Histogram);
  auto run = family("sluice_call_run_seconds", "Time that handlers ran.", MetricType::Histogram);
  auto in_flight = family("sluice_calls_in_flight", "Calls that hold a permit.", MetricType::Gauge);
  const auto methods = metrics.methods();
  const auto sums = sums_by_slot(metrics);
  for (const MethodMetrics* method : methods) {
    const Labels labels = {{"method", method->name}};
    const auto found = sums.find(method->slot);
    const std::size_t now = method->in_flight.load(std::memory_order_relaxed);
    const bool counted = method->has_permits.load(std::memory_order_relaxed) && found != sums.end();
    if (counted || now > 0) add(in_flight, labels, static_cast<double>(now));
    if (found == sums.end()) continue;
    for (const auto& [code, count] : found->second.codes) {
      add(calls, {{"method", method->name}, {"code", code}}, static_cast<double>(count));
    }
    if (!found->second.queue.empty()) add_histogram(queue, labels, found->second.queue);
    if (!found->second.run.empty()) add_histogram(run, labels, found->second.run);
  }
  for (auto* each : {&calls, &queue, &run, &in_flight}) to.push_back(std::move(*each));
}

// One sample for each value of an enum that labels an array of counters.
template <typename Label, typename Counters>
MetricFamily by_label(const Metrics& metrics, MetricFamily made, const std::string& label,
                      Counters MetricsShard::*counters) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(Label::kCount); ++i) {
    double total = 0;
    for (const auto& shard : metrics.shards()) total += static_cast<double>(((*shard).*counters)[i].get());
    add(made, {{label, std::string(to_string(static_cast<Label>(i)))}}, total);
  }
  return made;
}

template <typename Counter>
MetricFamily total(const Metrics& metrics, MetricFamily made, Counter MetricsShard::*counter) {
  double sum = 0;
  for (const auto& shard : metrics.shards()) sum += static_cast<double>(((*shard).*counter).get());
  add(made, {}, sum);
  return made;
}

void collect_server(const Metrics& metrics, const Gauges& gauges, std::vector<MetricFamily>& to) {
  const auto counter = MetricType::Counter;
  const auto gauge = MetricType::Gauge;
  to.push_back(by_label<Rejection>(
      metrics, family("sluice_calls_rejected_total", "Calls refused by admission.", counter), "reason",
      &MetricsShard::rejected));
  to.push_back(
      total(metrics,
            family("sluice_calls_abandoned", "Handlers that still run after their call was answered.", gauge),
            &MetricsShard::abandoned));
  to.push_back(by_label<NoteFate>(
      metrics, family("sluice_notes_total", "Notes of calls whose clients asked for them.", counter), "fate",
      &MetricsShard::notes));
  to.push_back(by_label<Protocol>(metrics, family("sluice_connections", "Connections now.", gauge),
                                  "protocol", &MetricsShard::connections_now));
  to.push_back(by_label<Protocol>(metrics, family("sluice_connections_total", "Connections so far.", counter),
                                  "protocol", &MetricsShard::connections_total));
  to.push_back(by_label<CloseReason>(
      metrics, family("sluice_connections_closed_total", "Connections closed, by reason.", counter), "reason",
      &MetricsShard::closed));
  to.push_back(total(metrics, family("sluice_received_bytes_total", "Bytes received from clients.", counter),
                     &MetricsShard::received_bytes));
  to.push_back(total(metrics, family("sluice_sent_bytes_total", "Bytes sent to clients.", counter),
                     &MetricsShard::sent_bytes));

  auto limit = family("sluice_in_flight_limit", "Calls that may hold a permit at once.", gauge);
  add(limit, {}, static_cast<double>(gauges.in_flight_limit));
  auto depth = family("sluice_worker_queue_depth", "Calls that wait for a worker.", gauge);
  auto busy = family("sluice_worker_busy", "1 while the worker runs a handler.", gauge);
  for (std::size_t i = 0; i < gauges.workers.size(); ++i) {
    add(depth, {{"worker", std::to_string(i)}}, static_cast<double>(gauges.workers[i].queue_depth));
    add(busy, {{"worker", std::to_string(i)}}, gauges.workers[i].busy ? 1 : 0);
  }
  auto build = family("sluice_build_info", "The version that runs.", gauge);
  add(build, {{"version", kVersion}}, 1);
  for (auto* each : {&limit, &depth, &busy, &build}) to.push_back(std::move(*each));
}

void collect_backends(const Gauges& gauges, std::vector<MetricFamily>& to) {
  auto up = family("sluice_backend_up", "1 while that process, or URL, can be used.", MetricType::Gauge);
  auto restarts = family("sluice_backend_restarts_total", "Processes started again.", MetricType::Counter);
  auto in_flight = family("sluice_backend_in_flight", "Calls that a backend has, waiting ones included.",
                          MetricType::Gauge);
  auto state = family("sluice_breaker_state", "0 closed, 1 half-open, 2 open.", MetricType::Gauge);
  auto changes = family("sluice_breaker_changes_total", "Changes of a breaker's state.", MetricType::Counter);
  auto retries = family("sluice_backend_retries_total", "Calls sent again.", MetricType::Counter);
  constexpr std::array kStates = {"closed", "half_open", "open"};
  for (const auto& backend : gauges.backends) {
    const Labels labels = {{"backend", backend->name}};
    for (std::size_t i = 0; i < backend->up.size(); ++i) {
      add(up, {{"backend", backend->name}, {"instance", std::to_string(i)}}, backend->up[i].load() ? 1 : 0);
    }
    add(restarts, labels, static_cast<double>(backend->restarts.load()));
    add(in_flight, labels, static_cast<double>(backend->in_flight.load()));
    add(state, labels, backend->breaker_state.load());
    add(retries, labels, static_cast<double>(backend->retries.load()));
    for (std::size_t i = 0; i < kStates.size(); ++i) {
      add(changes, {{"backend", backend->name}, {"state", kStates[i]}},
          static_cast<double>(backend->breaker_changes[i].load()));
    }
  }
  for (auto* each : {&up, &restarts, &in_flight, &state, &changes, &retries}) to.push_back(std::move(*each));
}

void collect_events(const EventGauges& events, std::vector<MetricFamily>& to) {
  auto published = family("sluice_events_published_total", "Events published.", MetricType::Counter);
  auto delivered =
      family("sluice_events_delivered_total", "Events written to subscribers.", MetricType::Counter);
  auto dropped =
      family("sluice_events_dropped_total", "Events that subscribers did not get.", MetricType::Counter);
  for (const EventGauges::Topic& topic : events.topics) {
    const auto labels = [&topic](const char* reason) {
      return Labels{{"topic", topic.name}, {"reason", reason}};
    };
    add(published, {{"topic", topic.name}}, static_cast<double>(topic.published));
    add(delivered, {{"topic", topic.name}}, static_cast<double>(topic.delivered));
    add(dropped, labels("slow"), static_cast<double>(topic.dropped_slow));
    add(dropped, labels("conflated"), static_cast<double>(topic.dropped_conflated));
  }
  auto subscriptions = family("sluice_subscriptions", "Subscriptions now.", MetricType::Gauge);
  add(subscriptions, {{"kind", "topic"}}, static_cast<double>(events.subscriptions));
  auto ended =
      family("sluice_subscriptions_ended_total", "Subscriptions ended, by reason.", MetricType::Counter);
  for (const auto& [reason, count] : events.ended)
    add(ended, {{"reason", reason}}, static_cast<double>(count));
  auto queues = family("sluice_event_queue_bytes",
                       "Events that wait for subscribers; each counts for each of them.", MetricType::Gauge);
  add(queues, {}, static_cast<double>(events.queue_bytes));
  auto history = family("sluice_event_history_bytes", "Events kept for resuming.", MetricType::Gauge);
  add(history, {}, static_cast<double>(events.history_bytes));
  auto times = family("sluice_event_delivery_seconds",
                      "Time from publishing to a subscriber's output; one of 16.", MetricType::Histogram);
  Sum::Histogram sum;
  for (const DurationHistogram* each : events.delivery_times) sum.add(*each);
  add_histogram(times, {}, sum);
  for (auto* each : {&published, &delivered, &dropped, &subscriptions, &ended, &queues, &history, &times})
    to.push_back(std::move(*each));
}

void collect_process(std::vector<MetricFamily>& to) {
  const ProcessStats stats = read_process_stats();
  const auto one = [&to](const char* name, const char* help, MetricType type, std::optional<double> value) {
    if (!value) return;
    auto made = family(name, help, type);
    add(made, {}, *value);
    to.push_back(std::move(made));
  };
  one("process_cpu_seconds_total", "CPU time, user and system.", MetricType::Counter, stats.cpu_seconds);
  one("process_resident_memory_bytes", "Resident memory.", MetricType::Gauge, stats.resident_bytes);
  one("process_virtual_memory_bytes", "Virtual memory.", MetricType::Gauge, stats.virtual_bytes);
  one("process_open_fds", "Open file descriptors.", MetricType::Gauge, stats.open_descriptors);
  one("process_max_fds", "The limit of open file descriptors.", MetricType::Gauge, stats.max_descriptors);
  one("process_threads", "Threads.", MetricType::Gauge, stats.threads);
  one("process_start_time_seconds", "Start, in seconds since the epoch.", MetricType::Gauge,
      stats.start_time_seconds);
}

// Merges the threads' counts on request, instead of locking whenever something is counted.
class MergedMetrics final : public prometheus::Collectable {
 public:
  MergedMetrics(const Metrics& metrics, const Gauges& gauges) : metrics_(metrics), gauges_(gauges) {}
  std::vector<MetricFamily> Collect() const override {
    std::vector<MetricFamily> families;
    collect_calls(metrics_, families);
    collect_server(metrics_, gauges_, families);
    collect_backends(gauges_, families);
    collect_events(gauges_.events, families);
    collect_process(families);
    // A family without samples would be a help text alone.
    std::erase_if(families, [](const MetricFamily& each) { return each.metric.empty(); });
    return families;
  }

 private:
  const Metrics& metrics_;
  const Gauges& gauges_;
};

}  // namespace

std::string exposition(const Metrics& metrics, const Gauges& gauges) {
  return prometheus::TextSerializer().Serialize(MergedMetrics(metrics, gauges).Collect());
}

}  // namespace sluice::core
