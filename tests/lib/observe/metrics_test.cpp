#include "lib/observe/metrics.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <limits>
#include <map>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "lib/observe/exposition.hpp"

namespace sluice::core {
namespace {

using std::chrono::microseconds;

// Sample lines by what stands before their value.
std::map<std::string, double> samples(const std::string& text) {
  std::map<std::string, double> all;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.front() == '#') continue;
    const std::size_t space = line.rfind(' ');
    all[line.substr(0, space)] = std::stod(line.substr(space + 1));
  }
  return all;
}

std::map<std::string, std::uint64_t> codes(const MethodShard& shard) {
  std::map<std::string, std::uint64_t> all;
  shard.for_each_code([&all](const std::string& code, std::uint64_t count) { all[code] += count; });
  return all;
}

TEST_CASE("Metrics: a name has one entry for all threads") {
  Metrics metrics(1);
  MethodMetrics& first = metrics.method("a");
  CHECK(&metrics.method("a") == &first);
  CHECK(&metrics.method("b") != &first);
  CHECK(metrics.unknown().name == "_unknown");
  CHECK(metrics.invalid().name == "_invalid");
  CHECK(metrics.methods().size() == 4);
  std::set<std::size_t> slots;
  for (const auto* method : metrics.methods()) slots.insert(method->slot);
  CHECK(slots.size() == 4);
}

TEST_CASE("MethodShard: counts by code, and surplus codes as other") {
  MethodShard shard;
  shard.count(0);
  shard.count(0);
  for (int i = 0; i < static_cast<int>(MethodShard::kCodesMax); ++i) shard.count(-32000 - i);
  shard.count(1);
  shard.count(2);
  shard.count(-32000);
  auto counted = codes(shard);
  CHECK(counted.size() == MethodShard::kCodesMax + 2);
  CHECK(counted["ok"] == 2);
  CHECK(counted["-32000"] == 2);
  CHECK(counted["-32001"] == 1);
  CHECK(counted["other"] == 2);
}

TEST_CASE("MethodShard: a code of more than 64 bits counts as other, not under one that was not sent") {
  MethodShard shard;
  shard.count(std::numeric_limits<std::int64_t>::max());
  shard.count(std::numeric_limits<std::int64_t>::min());
  auto counted = codes(shard);
  CHECK(counted.size() == 1);
  CHECK(counted["other"] == 2);
  shard.count(10'990'201'005);
  CHECK(codes(shard)["10990201005"] == 1);
}

TEST_CASE("DurationHistogram: a duration falls into the first bucket that it does not pass") {
  DurationHistogram histogram;
  histogram.observe(microseconds(0));
  histogram.observe(microseconds(10));
  histogram.observe(std::chrono::nanoseconds(10'001));
  histogram.observe(std::chrono::seconds(10));
  histogram.observe(std::chrono::seconds(11));
  histogram.observe(microseconds(-5));
  CHECK(histogram.count(0) == 3);
  CHECK(histogram.count(1) == 1);
  CHECK(histogram.count(DurationHistogram::kBoundsUs.size() - 1) == 1);
  CHECK(histogram.count(DurationHistogram::kBoundsUs.size()) == 1);
  CHECK(histogram.sum_ns() == 10'000 + 10'001 + 21'000'000'000);
}

TEST_CASE("DurationHistogram: every bound belongs to its bucket, and longer times to the next") {
  for (std::size_t bucket = 0; bucket < DurationHistogram::kBoundsUs.size(); ++bucket) {
    CAPTURE(bucket);
    DurationHistogram histogram;
    const microseconds bound(DurationHistogram::kBoundsUs[bucket]);
    histogram.observe(bound - std::chrono::nanoseconds(1));
    histogram.observe(bound);
    histogram.observe(bound + std::chrono::nanoseconds(1));
    CHECK(histogram.count(bucket) == 2);
    CHECK(histogram.count(bucket + 1) == 1);
  }
}

TEST_CASE("metrics: every value of an enum that labels something has a name of its own") {
  const auto names = []<typename Label>(Label) {
    std::set<std::string_view> all;
    for (std::size_t i = 0; i < static_cast<std::size_t>(Label::kCount); ++i)
      all.insert(to_string(static_cast<Label>(i)));
    CHECK(all.size() == static_cast<std::size_t>(Label::kCount));
    CHECK_FALSE(all.contains("other"));
  };
  names(Rejection{});
  names(Protocol{});
  names(CloseReason{});
}

TEST_CASE("exposition: adds the threads' counts up") {
  Metrics metrics(3);
  MethodMetrics& method = metrics.method("a.b");
  method.in_flight = 4;
  for (std::size_t i = 0; i < 3; ++i) {
    MetricsShard& shard = metrics.shard(i);
    shard.method(method).count(0);
    shard.method(method).count(-32002);
    shard.method(method).run_time.observe(microseconds(20));
    shard.method(method).queue_time.observe(std::chrono::seconds(60));
    shard.rejected[static_cast<std::size_t>(Rejection::method_busy)].add(2);
    shard.received_bytes.add(100);
    shard.abandoned.add(i == 0 ? 3 : -1);
    shard.connections_now[static_cast<std::size_t>(Protocol::stream)].add(1);
  }
  metrics.shard(1).method(method).count(-32002);
  Gauges gauges;
  gauges.in_flight_limit = 77;
  gauges.workers = {{0, false}, {5, true}};
  auto found = samples(exposition(metrics, gauges));
  CHECK(found[R"(sluice_calls_total{method="a.b",code="ok"})"] == 3);
  CHECK(found[R"(sluice_calls_total{method="a.b",code="-32002"})"] == 4);
  CHECK(found[R"(sluice_calls_in_flight{method="a.b"})"] == 4);
  CHECK(found[R"(sluice_call_run_seconds_count{method="a.b"})"] == 3);
  CHECK(found[R"(sluice_call_run_seconds_sum{method="a.b"})"] == doctest::Approx(60e-6));
  CHECK(found[R"(sluice_call_run_seconds_bucket{method="a.b",le="1e-05"})"] == 0);
  CHECK(found[R"(sluice_call_run_seconds_bucket{method="a.b",le="2.5e-05"})"] == 3);
  CHECK(found[R"(sluice_call_queue_seconds_bucket{method="a.b",le="10"})"] == 0);
  CHECK(found[R"(sluice_call_queue_seconds_bucket{method="a.b",le="+Inf"})"] == 3);
  CHECK(found[R"(sluice_calls_rejected_total{reason="method_busy"})"] == 6);
  CHECK(found[R"(sluice_calls_rejected_total{reason="queue_full"})"] == 0);
  CHECK(found["sluice_received_bytes_total"] == 300);
  CHECK(found["sluice_calls_abandoned"] == 1);
  CHECK(found[R"(sluice_connections{protocol="stream"})"] == 3);
  CHECK(found["sluice_in_flight_limit"] == 77);
  CHECK(found[R"(sluice_worker_queue_depth{worker="1"})"] == 5);
  CHECK(found[R"(sluice_worker_busy{worker="0"})"] == 0);
  CHECK(found[R"(sluice_worker_busy{worker="1"})"] == 1);
  CHECK(found["process_open_fds"] > 0);
  CHECK(found["process_resident_memory_bytes"] > 0);
}

TEST_CASE(
    "exposition: a method that was never called has no series, one that was only refused no histogram") {
  Metrics metrics(1);
  metrics.method("silent");
  metrics.shard(0).method(metrics.method("refused")).count(-32009);
  const std::string text = exposition(metrics, {});
  CHECK(text.find("silent") == std::string::npos);
  auto found = samples(text);
  CHECK(found[R"(sluice_calls_total{method="refused",code="-32009"})"] == 1);
  CHECK(text.find(R"(sluice_call_run_seconds_count{method="refused"})") == std::string::npos);
}

TEST_CASE("exposition: odd method names can't break its lines") {
  Metrics metrics(1);
  metrics.shard(0).method(metrics.method("a\"b\\c\nd")).count(0);
  const std::string text = exposition(metrics, {});
  CHECK(text.find(R"(method="a\"b\\c\nd",code="ok"} 1)") != std::string::npos);
}

TEST_CASE("exposition: may be read while threads count, and has all counts in the end") {
  static constexpr std::size_t kShards = 2;
  static constexpr int kCounts = 20'000;
  Metrics metrics(kShards);
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) exposition(metrics, {});
  });
  std::vector<std::thread> writers;
  for (std::size_t i = 0; i < kShards; ++i) {
    writers.emplace_back([&metrics, i] {
      for (int n = 0; n < kCounts; ++n) {
        // New methods all the time, so that the tables grow while they are read.
        MethodMetrics& method = metrics.method("m" + std::to_string(n % 200));
        metrics.shard(i).method(method).count(n % 40);
        metrics.shard(i).method(method).run_time.observe(microseconds(n));
        metrics.shard(i).sent_bytes.add(1);
      }
    });
  }
  for (auto& writer : writers) writer.join();
  stop = true;
  reader.join();
  double calls = 0;
  double sent = 0;
  for (const auto& [name, value] : samples(exposition(metrics, {}))) {
    if (name.starts_with("sluice_calls_total")) calls += value;
    if (name == "sluice_sent_bytes_total") sent = value;
  }
  CHECK(calls == kShards * kCounts);
  CHECK(sent == kShards * kCounts);
}

}  // namespace
}  // namespace sluice::core
