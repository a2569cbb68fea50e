// Oversize reply: finds the id of a reply that is too long to be kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/message_scanner.hpp"

namespace sluice::core {

// Goes through a reply without keeping it, and finds its id where that is in its beginning, or among its last
// members. Not thread-safe.
class OversizeReply {
 public:
  // The id, where it is there already: then nothing is looked for any more.
  std::optional<std::uint32_t> begin(std::string_view start);
  // What follows.
  void feed(std::string_view piece);
  // The id, where it is found only now that all has come.
  std::optional<std::uint32_t> end();

 private:
  static constexpr std::size_t kTailBytes = 256;

  proto::MessageScanner scanner_;
  std::string tail_;
  bool searching_ = false;
  bool complete_ = false;
};

}  // namespace sluice::core
