// Benchmark request: one message with room for an id, and the ids.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::client {

// The id of a benchmark's request, kept as its 16 digits so that neither sending nor
// checking it takes any arithmetic on the whole number:
//
//   1 GGGGGGGG SSSSSSS      G: how often the slot was used, S: the slot
//
// A slot holds one request in flight; slots are numbered over all
// connections, so an id is unique over the run, and a reply that strays to another
// connection is seen. Ids stay below 2^53, so servers that read numbers as doubles can
// echo them.
class RequestId {
 public:
  static constexpr std::size_t kDigits = 16;
  static constexpr std::size_t kSlotDigits = 7;
  static constexpr std::size_t kSlotsMax = 10'000'000;

  explicit RequestId(std::uint32_t slot);

  // Makes it the id of the slot's next request.
  void advance() {
    std::size_t digit = kDigits - kSlotDigits - 1;
    for (; digits_[digit] == '9' && digit > 0; --digit) digits_[digit] = '0';
    ++digits_[digit];
  }

  const char* data() const { return digits_.data(); }
  std::string_view text() const { return {digits_.data(), kDigits}; }
  bool is(std::string_view id) const {
    return id.size() == kDigits && std::memcmp(id.data(), digits_.data(), kDigits) == 0;
  }

  // The slot that an id from a reply names, if it has an id's length; whether the
  // rest of the id is right is for is() to say.
  static std::optional<std::uint32_t> slot_of(std::string_view id) {
    if (id.size() != kDigits) return std::nullopt;
    std::uint32_t slot = 0;
    for (const char c : id.substr(kDigits - kSlotDigits))
      slot = slot * 10 + static_cast<std::uint32_t>(c - '0');
    return slot;
  }

 private:
  std::array<char, kDigits> digits_;
};

// The one request that a benchmark sends, with room for an id.
struct RequestPattern {
  std::string text;           // ends in a newline
  std::size_t id_offset = 0;  // where RequestId::kDigits digits go

  RequestPattern(std::string_view method, std::string_view params);
};

}  // namespace sluice::client
