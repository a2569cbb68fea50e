// Benchmark connection: one non-blocking socket with its requests in flight.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "cli/bench_request.hpp"
#include "cli/bench_tally.hpp"
#include "cli/socket.hpp"

namespace sluice::client {

// One connection of a benchmark: its requests in flight, what is still to be written
// and what of a reply has come in. Not blocking; driven by one thread.
//
// The output buffer is filled with copies of the request once, at the start. Issuing a
// request then means writing its id into the next copy, and everything issued since
// the last write leaves in one.
class BenchConnection {
 public:
  // `first_slot` is the number of the first of its `depth` slots over all connections.
  // `pattern` must outlive the connection.
  BenchConnection(core::Descriptor fd, const RequestPattern& pattern, std::uint32_t first_slot,
                  std::uint32_t depth);

  int fd() const { return fd_.get(); }
  bool is_open() const { return static_cast<bool>(fd_); }
  void close() { fd_ = core::Descriptor(); }

  // True if there is a free slot, and room in the buffer for one more request.
  bool can_issue() const { return !free_.empty() && filled_ < output_.size(); }

  // Puts the next request into the buffer; its latency counts from `due`.
  void issue(TimePoint due);

  // Writes what was issued, as far as the socket takes it. False: the connection is lost.
  bool flush();
  bool has_unwritten() const { return written_ < filled_; }

  // True while the loop waits for the socket to become writable; kept here for the loop.
  bool is_waiting() const { return waiting_; }
  void set_waiting(bool waiting) { waiting_ = waiting; }

  // Reads once and tallies the replies that are complete. False: the connection is lost.
  bool receive(BenchTally& tally);

  std::size_t in_flight() const { return slots_.size() - free_.size(); }
  // Tallies what is in flight as unanswered, and forgets it.
  void give_up(BenchTally& tally, TimePoint now);

 private:
  struct Slot {
    RequestId id;
    bool in_flight = false;
    TimePoint due{};
  };

  void take_reply(std::string_view line, TimePoint now, BenchTally& tally);
  Slot* find_slot(std::string_view id);
  void make_room();

  core::Descriptor fd_;
  const RequestPattern& pattern_;
  std::uint32_t first_slot_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;  // indexes into slots_

  std::vector<char> output_;  // whole copies of the pattern
  std::size_t filled_ = 0;    // bytes of output_ that have their id
  std::size_t written_ = 0;   // bytes of them that the socket has taken
  bool waiting_ = false;

  std::vector<char> input_;
  std::size_t received_ = 0;  // bytes in input_, a reply's beginning first
  std::size_t searched_ = 0;  // bytes of them known to hold no newline
};

}  // namespace sluice::client
