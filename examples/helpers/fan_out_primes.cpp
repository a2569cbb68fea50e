// One call on several threads: `fan_out_primes [ADDRESS]` counts the primes below a number, range by range.
//
//   echo '{"jsonrpc":"2.0","id":1,"method":"primes.count","params":[1000000]}' | nc -N 127.0.0.1 PORT
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <numeric>
#include <sluice/server.hpp>
#include <sluice/service/fan_out.hpp>
#include <stop_token>
#include <vector>

namespace {

using Limit = sluice::Within<0, 1'000'000'000>;

constexpr std::int64_t kRange = 100'000;
constexpr std::size_t kWidth = 4;

bool is_prime(std::int64_t n) {
  for (std::int64_t d = 2; d * d <= n; ++d) {
    if (n % d == 0) return false;
  }
  return n >= 2;
}

struct Range {
  std::int64_t begin, end;
};

std::vector<Range> ranges_below(std::int64_t end) {
  std::vector<Range> ranges;
  for (std::int64_t begin = 0; begin < end; begin += kRange) {
    ranges.push_back({begin, std::min(begin + kRange, end)});
  }
  return ranges;
}

sluice::Result<std::int64_t> primes_in(const Range& range, const std::stop_token& stop) {
  std::int64_t count = 0;
  for (std::int64_t n = range.begin; n < range.end; ++n) {
    if (stop.stop_requested()) return sluice::cancelled();
    if (is_prime(n)) ++count;
  }
  return count;
}

}  // namespace

int main(int argc, char** argv) try {
  // Shared by all calls. Those that find no helper free go on by themselves.
  sluice::TaskPool helpers(kWidth - 1, 64);
  sluice::Server server({.listen = {argc > 1 ? argv[1] : "tcp://127.0.0.1:0"}});
  server.add("primes.count", {"below"},
             [&](sluice::Call& call, Limit below) -> sluice::Result<std::int64_t> {
               const auto counts =
                   sluice::fan_out(helpers, ranges_below(below.value), kWidth, call, primes_in);
               if (!counts) return counts.error();
               return std::accumulate(counts.value().begin(), counts.value().end(), std::int64_t{0});
             },
             {.timeout = std::chrono::minutes(10)});
  return server.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "fan_out_primes: %s\n", error.what());
  return 1;
}
