#include "cli/bench_connection.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "cli/reply_scan.hpp"

namespace sluice::client {
namespace {

constexpr std::size_t kInputBytes = 64 * 1024;       // to begin with; grows with the replies
constexpr std::size_t kReadBytesMin = 32 * 1024;     // room for a read, at least
constexpr std::size_t kOutputBytesMax = 256 * 1024;  // unless one request is longer

std::size_t copies_in_output(std::size_t request_bytes, std::uint32_t depth) {
  return std::clamp<std::size_t>(kOutputBytesMax / request_bytes, 1, depth);
}

}  // namespace

BenchConnection::BenchConnection(core::Descriptor fd, const RequestPattern& pattern, std::uint32_t first_slot,
                                 std::uint32_t depth)
    : fd_(std::move(fd)), pattern_(pattern), first_slot_(first_slot), input_(kInputBytes) {
  slots_.reserve(depth);
  free_.reserve(depth);
  for (std::uint32_t i = 0; i < depth; ++i) {
    slots_.push_back({RequestId(first_slot + i)});
    free_.push_back(depth - 1 - i);
  }
  const std::size_t copies = copies_in_output(pattern.text.size(), depth);
  output_.reserve(copies * pattern.text.size());
  for (std::size_t i = 0; i < copies; ++i)
    output_.insert(output_.end(), pattern.text.begin(), pattern.text.end());
}

void BenchConnection::issue(TimePoint due) {
  Slot& slot = slots_[free_.back()];
  free_.pop_back();
  slot.id.advance();
  slot.in_flight = true;
  slot.due = due;
  std::memcpy(output_.data() + filled_ + pattern_.id_offset, slot.id.data(), RequestId::kDigits);
  filled_ += pattern_.text.size();
}

bool BenchConnection::flush() {
  while (written_ < filled_) {
    const ssize_t sent = ::send(fd(), output_.data() + written_, filled_ - written_, MSG_NOSIGNAL);
    if (sent >= 0) {
      written_ += static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN) {
      return true;
    } else if (errno != EINTR) {
      return false;
    }
  }
  written_ = filled_ = 0;
  return true;
}

BenchConnection::Slot* BenchConnection::find_slot(std::string_view id) {
  const auto number = RequestId::slot_of(id);
  if (!number || *number < first_slot_ || *number - first_slot_ >= slots_.size()) return nullptr;
  Slot& slot = slots_[*number - first_slot_];
  return slot.in_flight && slot.id.is(id) ? &slot : nullptr;
}

void BenchConnection::take_reply(std::string_view line, TimePoint now, BenchTally& tally) {
  const ScannedReply reply = scan_reply(line);
  if (reply.id.empty()) return tally.add_bad_reply(line);
  Slot* const slot = find_slot(reply.id);
  if (slot == nullptr) return tally.add_bad_id(line);
  if (reply.error.empty()) {
    tally.add_result(slot->due, now);
  } else {
    tally.add_error(reply.error, slot->due, now);
  }
  slot->in_flight = false;
  free_.push_back(static_cast<std::uint32_t>(slot - slots_.data()));
}

void BenchConnection::make_room() {
  if (input_.size() - received_ < kReadBytesMin) input_.resize(2 * input_.size());
}

bool BenchConnection::receive(BenchTally& tally) {
  make_room();
  const ssize_t got = ::recv(fd(), input_.data() + received_, input_.size() - received_, 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  received_ += static_cast<std::size_t>(got);

  const TimePoint now = Clock::now();
  const char* const end = input_.data() + received_;
  const char* line = input_.data();
  const char* from = line + searched_;
  while (const auto* newline =
             static_cast<const char*>(std::memchr(from, '\n', static_cast<std::size_t>(end - from)))) {
    take_reply({line, static_cast<std::size_t>(newline - line)}, now, tally);
    line = from = newline + 1;
    if (line == end) break;
  }
  received_ = searched_ = static_cast<std::size_t>(end - line);
  if (line != input_.data()) std::memmove(input_.data(), line, received_);
  return true;
}

void BenchConnection::give_up(BenchTally& tally, TimePoint now) {
  free_.clear();
  for (Slot& slot : slots_) {
    if (slot.in_flight) {
      ++tally.unanswered;
      tally.add_unanswered(slot.due, now);
    }
    slot.in_flight = false;
    free_.push_back(static_cast<std::uint32_t>(&slot - slots_.data()));
  }
}

}  // namespace sluice::client
