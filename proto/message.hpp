// Positions and kinds of a message's members, as the scanner finds them. No bytes are copied.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::proto {

enum class ValueKind : std::uint8_t { none, object, array, string, number, boolean, null };

// A value's position in the text of its message.
struct Span {
  std::uint32_t begin = 0;
  std::uint32_t size = 0;
  ValueKind kind = ValueKind::none;  // none: the member is absent

  bool present() const { return kind != ValueKind::none; }
  // Sets the begin; the size is not known yet. Member by member: GCC 12 would build a temporary in pieces and
  // copy it as a whole, which stalls for 7 ns (store forwarding).
  void set(std::uint32_t at, ValueKind of) {
    begin = at;
    size = 0;
    kind = of;
  }
  // `text` is the message that it was found in.
  std::string_view in(std::string_view text) const {
    assert(std::size_t{begin} + size <= text.size());
    return {text.data() + begin, size};  // substr() is not inlined for its exception
  }
};

// The members of one call or reply that JSON-RPC, or sluice, gives a meaning. Of duplicate names the last
// counts.
struct Envelope {
  Span whole;  // the call itself; of another kind than object where it can't be a call
  Span jsonrpc;
  Span id;
  Span method;
  Span params;
  Span timeout_ms;
  Span traceparent;
  Span result;  // of replies, as backends send them
  Span error;
};

// One top-level JSON value. `single` is filled for everything but arrays, `entries` for arrays.
struct Message {
  ValueKind kind = ValueKind::none;
  Envelope single;
  std::vector<Envelope> entries;  // the first batch_entries_max of them
  std::size_t entry_count = 0;    // all of them

  bool is_batch() const { return kind == ValueKind::array; }
};

}  // namespace sluice::proto
