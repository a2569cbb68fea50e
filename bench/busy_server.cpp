// A server with a handler that burns a known time of CPU, and with any number of methods.
//
//   busy_server [--methods N] [--spin-us US] [--workers N] [--queue N]
//
// Listens on a free port of 127.0.0.1 and says so in its log. Methods: `echo` (in-line), `spin` (on a worker;
// burns US microseconds, 20 where nothing is said), and m0, m1, ... until there are N in all (2 are the
// least).
#include <ctime>

#include <cstdint>
#include <cstdio>
#include <map>
#include <sluice/server.hpp>
#include <stdexcept>
#include <string>

namespace {

using Numbers = std::map<std::string, std::size_t>;

std::int64_t own_cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// Burns CPU time, not time: a handler that was set aside for another thread has not worked meanwhile.
void spin(std::size_t microseconds) {
  const std::int64_t end = own_cpu_ns() + static_cast<std::int64_t>(microseconds) * 1000;
  while (own_cpu_ns() < end) {
  }
}

std::optional<sluice::Error> echo(sluice::Call&, std::string_view params, std::string& result) {
  result += params.empty() ? "null" : params;
  return std::nullopt;
}

// Throws std::invalid_argument for an argument that is not in `numbers`, which hold the defaults.
void read_arguments(int argc, char** argv, Numbers& numbers) {
  for (int at = 1; at < argc; at += 2) {
    const auto found = numbers.find(argv[at]);
    if (found == numbers.end() || at + 1 == argc)
      throw std::invalid_argument("what is " + std::string(argv[at]) + "?");
    found->second = std::stoul(argv[at + 1]);
  }
}

void add_methods(sluice::Server& server, std::size_t count, std::size_t spin_us) {
  server.add_text("echo", echo, {.inline_io = true});
  server.add_text("spin", [spin_us](sluice::Call& call, std::string_view params, std::string& result) {
    spin(spin_us);
    return echo(call, params, result);
  });
  for (std::size_t i = 0; i + 2 < count; ++i)
    server.add_text("m" + std::to_string(i), echo, {.inline_io = true});
}

}  // namespace

int main(int argc, char** argv) try {
  Numbers numbers = {{"--methods", 2}, {"--spin-us", 20}, {"--workers", 1}, {"--queue", 1024}};
  read_arguments(argc, argv, numbers);
  sluice::Server server{{.listen = {"tcp://127.0.0.1:0"},
                         .io_threads = 1,
                         .workers = numbers["--workers"],
                         .worker_queue = numbers["--queue"]}};
  add_methods(server, numbers["--methods"], numbers["--spin-us"]);
  return server.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "busy_server: %s\n", error.what());
  return 2;
}
