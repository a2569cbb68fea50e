#include "lib/transport/whole_message.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <string>
#include <string_view>

namespace sluice::core {
namespace {

// Of the calling thread: other programs do not count.
std::chrono::nanoseconds cpu_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::chrono::nanoseconds cost_in_pieces(std::string_view text, std::size_t piece_bytes) {
  WholeMessage message;
  const Limits limits;
  const auto begin = cpu_time();
  for (std::size_t come = piece_bytes; come <= text.size(); come += piece_bytes) {
    message.look_at(text.substr(0, come), limits);
  }
  return cpu_time() - begin;
}

TEST_CASE("WholeMessage: white space before a value is read once, in however many pieces it comes") {
  static constexpr std::size_t kPieces = 1024;
  static constexpr int kFactor = 50;  // of 1,024 that reading the whole for each piece takes
  for (const std::string_view unit : {" ", "\xEF\xBB\xBF "}) {
    CAPTURE(unit.size());
    std::string text;
    while (text.size() < std::size_t{1} << 20) text += unit;
    const auto whole =
        std::max<std::chrono::nanoseconds>(cost_in_pieces(text, text.size()), std::chrono::milliseconds(1));
    CHECK(cost_in_pieces(text, text.size() / kPieces) < kFactor * whole);
  }
}

}  // namespace
}  // namespace sluice::core
