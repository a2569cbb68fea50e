// Load generator: closed and open loop over all connections of a benchmark.
#pragma once

#include <cstdint>
#include <vector>

#include "cli/bench_connection.hpp"
#include "cli/bench_options.hpp"
#include "cli/bench_tally.hpp"

namespace sluice::client {

// Drives a benchmark's connections with one thread and epoll.
//
// Closed loop: a connection is filled up to its depth whenever replies have come in. With a number in flight
// for all of them: whenever fewer are, the next connection with room gets the next request. Open loop:
// request k is due at start + k/rate; the loop spins, hands each one that is due to the next connection with
// room, and never moves a due time. Due times depend on k alone, so a request that finds no room is tried
// again later: k does not advance. In all modes a connection is written to at most once an iteration; if its
// socket was full, again once it is writable.
class BenchLoop {
 public:
  // The time that late replies have after the measured window.
  static constexpr auto kGrace = std::chrono::seconds(2);

  BenchLoop(const BenchOptions& options, std::vector<BenchConnection> connections, TimePoint start);

  // Runs to the end, which comes early when no connection is left.
  void run();

  const BenchTally& tally() const { return tally_; }
  bool has_connections() const { return open_ > 0; }
  // The part of the window that the run lasted; the rates are over this.
  std::chrono::nanoseconds measured() const { return measured_; }
  // This thread's CPU time over the measured time, as a share of one core.
  double cpu_share() const { return cpu_share_; }

 private:
  bool is_over(TimePoint now) const;
  void run_iteration(TimePoint now);
  void fill(BenchConnection& connection);
  TimePoint due_time(std::uint64_t request) const;
  void issue_due(TimePoint now);
  void issue_in_turn(TimePoint now);
  BenchConnection* next_with_room();
  void write_issued();
  void serve(BenchConnection& connection, std::uint32_t events);
  void flush(BenchConnection& connection);
  void watch(BenchConnection& connection, int operation);
  void lose(BenchConnection& connection);
  void measure_cpu(TimePoint now);
  void finish(TimePoint now);

  const BenchOptions& options_;
  std::vector<BenchConnection> connections_;
  TimePoint start_;
  BenchWindow window_;
  BenchTally tally_;
  core::Descriptor epoll_;
  std::size_t open_;

  // Open loop.
  std::uint64_t next_request_ = 0;  // the first that was not issued yet

  // Requests that go to the connections in turn.
  std::size_t next_connection_ = 0;
  std::vector<BenchConnection*> issued_;  // may hold one twice; writing nothing is cheap

  std::chrono::nanoseconds measured_{};
  double cpu_at_begin_ = -1;  // seconds; -1: the window has not begun
  double cpu_share_ = -1;     // -1: it has not ended
};

}  // namespace sluice::client
