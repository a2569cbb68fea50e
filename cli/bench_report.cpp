#include "cli/bench_report.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace sluice::client {
namespace {

using Json = nlohmann::ordered_json;

struct Percentile {
  const char* name;
  double quantile;
};
constexpr std::array<Percentile, 4> kPercentiles{
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}}};

double seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

double per_second(std::uint64_t count, const BenchReport& report) {
  if (report.measured.count() == 0) return 0;
  return std::round(static_cast<double>(count) / seconds(report.measured) * 10) / 10;
}

// Microseconds to a tenth: finer than the clock and the histogram are.
double microseconds(double nanoseconds) { return std::round(nanoseconds / 100) / 10; }

std::uint64_t count_errors(const BenchTally& tally) {
  std::uint64_t count = 0;
  for (const auto& [code, times] : tally.errors) count += times;
  return count;
}

Json latency_json(const Histogram& histogram) {
  Json latency{{"count", histogram.count()}, {"mean", microseconds(histogram.mean())}};
  for (const auto& [name, quantile] : kPercentiles) {
    latency[name] = microseconds(static_cast<double>(histogram.quantile(quantile)));
  }
  latency["max"] = microseconds(static_cast<double>(histogram.max()));
  return latency;
}

std::string latency_line(const char* title, const Histogram& histogram) {
  std::string line = title;
  std::array<char, 64> field{};
  const Json latency = latency_json(histogram);  // named: items() refers to it
  for (const auto& [name, value] : latency.items()) {
    if (name == "count") continue;
    std::snprintf(field.data(), field.size(), "  %s %.1f", name.c_str(), value.get<double>());
    line += field.data();
  }
  return line + "  us\n";
}

std::string errors_line(const BenchTally& tally) {
  std::string line = "errors     ";
  for (const auto& [code, times] : tally.errors)
    line += "  " + std::to_string(code) + ": " + std::to_string(times);
  return line + '\n';
}

std::string headline(const BenchReport& report) {
  const BenchOptions& options = report.options;
  std::array<char, 256> line{};
  std::snprintf(line.data(), line.size(),
                "%d connections x %d in flight, %zu bytes a request, %.3g s after %.3g s of warm-up",
                options.connections, options.depth, report.request_bytes, seconds(report.measured),
                seconds(options.warmup));
  std::string loop = "closed loop";
  if (options.in_flight > 0) loop += " of " + std::to_string(options.in_flight) + " in flight in all";
  if (options.open_loop()) loop = "open loop at " + std::to_string(std::llround(options.rate)) + "/s";
  return report.address.text + " " + options.method + ", " + loop + ": " + line.data() + '\n';
}

std::string counts_line(const BenchTally& tally) {
  return "unanswered   " + std::to_string(tally.unanswered) + "   unsent " + std::to_string(tally.unsent) +
         "   bad ids " + std::to_string(tally.bad_ids) + "   bad replies " +
         std::to_string(tally.bad_replies) + "   connections lost " + std::to_string(tally.connections_lost);
}

}  // namespace

std::string report_text(const BenchReport& report) {
  const BenchTally& tally = report.tally;
  std::array<char, 160> rates{};
  std::snprintf(rates.data(), rates.size(), "throughput   %.0f results/s, %.0f errors/s\n",
                per_second(tally.results, report), per_second(count_errors(tally), report));
  std::string text = headline(report) + rates.data() + latency_line("latency    ", tally.latency);
  if (tally.error_latency.count() > 0)
    text += errors_line(tally) + latency_line("their time ", tally.error_latency);
  text += counts_line(tally);
  if (report.cpu_share < 0) return text;
  std::snprintf(rates.data(), rates.size(), "\nclient CPU   %.2f of a core", report.cpu_share);
  return text + rates.data();
}

std::string report_json(const BenchReport& report) {
  const BenchOptions& options = report.options;
  const BenchTally& tally = report.tally;
  Json errors = Json::object();
  for (const auto& [code, times] : tally.errors) errors[std::to_string(code)] = times;
  Json json{{"address", report.address.text},
            {"method", options.method},
            {"mode", options.open_loop() ? "open" : "closed"},
            {"connections", options.connections},
            {"depth", options.depth},
            {"in_flight", options.in_flight},
            {"rate", options.rate},
            {"duration_s", seconds(options.duration)},
            {"measured_s", seconds(report.measured)},
            {"warmup_s", seconds(options.warmup)},
            {"params_bytes", options.params.size()},
            {"request_bytes", report.request_bytes},
            {"results", tally.results},
            {"results_per_s", per_second(tally.results, report)},
            {"errors_per_s", per_second(count_errors(tally), report)},
            {"errors", errors},
            {"latency_us", latency_json(tally.latency)},
            {"error_latency_us", latency_json(tally.error_latency)},
            {"sent", tally.sent},
            {"unsent", tally.unsent},
            {"unanswered", tally.unanswered},
            {"bad_ids", tally.bad_ids},
            {"bad_replies", tally.bad_replies},
            {"connections_lost", tally.connections_lost}};
  json["client_cpu"] = report.cpu_share < 0 ? Json() : Json(std::round(report.cpu_share * 100) / 100);
  return json.dump();
}

}  // namespace sluice::client
