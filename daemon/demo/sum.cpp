#include "daemon/demo/sum.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <span>

#include "lib/api/number_text.hpp"
#include "lib/include/sluice/params.hpp"
#include "proto/json_text.hpp"

namespace sluice::daemon {
namespace {

// Wide enough for a sum of as many 64-bit integers as fit into a message.
__extension__ typedef __int128 Wide;

class Sum {
 public:
  // False if `text` is not a number, or an integer of more than 64 bits.
  bool add(std::string_view text, int sign = 1) {
    const bool plain_integer = core::is_plain_integer(text);
    if (plain_integer ? !add_integer(text, sign) : !add_float(text, sign)) return false;
    exact_ = exact_ && plain_integer;
    return true;
  }

  // False for a sum that can't be written as what it is.
  bool write(std::string& out) const {
    if (!exact_) return write_json(out, float_sum_);
    if (integer_sum_ < std::numeric_limits<std::int64_t>::min()) return false;
    if (integer_sum_ > std::numeric_limits<std::uint64_t>::max()) return false;
    return integer_sum_ < 0 ? write_json(out, static_cast<std::int64_t>(integer_sum_))
                            : write_json(out, static_cast<std::uint64_t>(integer_sum_));
  }

 private:
  bool add_integer(std::string_view text, int sign) {
    Mismatch mismatch;
    if (const auto small = read_json<std::int64_t>(text, mismatch)) return add_exactly(*small, sign);
    const auto large = read_json<std::uint64_t>(text, mismatch);
    return large && add_exactly(*large, sign);
  }

  bool add_exactly(auto value, int sign) {
    integer_sum_ += sign * Wide{value};
    float_sum_ += sign * static_cast<double>(value);
    return true;
  }

  bool add_float(std::string_view text, int sign) {
    Mismatch mismatch;
    const auto value = read_json<double>(text, mismatch);
    if (value) float_sum_ += sign * *value;
    return value.has_value();
  }

  Wide integer_sum_ = 0;
  double float_sum_ = 0;
  bool exact_ = true;  // only integers so far
};

constexpr const char* kNumber = "a number in the range of a 64-bit float, an integer in that of 64 bits";
constexpr const char* kSummable = "numbers whose result is in the range of 64-bit numbers";

std::optional<Error> write(const Sum& sum, std::string& result) {
  if (!sum.write(result)) return invalid_params("", kSummable);
  return std::nullopt;
}

std::optional<Error> combine_two(std::span<const ParamDescription, 2> names, int second_sign,
                                 std::string_view params, std::string& result) {
  std::array<std::string_view, 2> texts;
  if (auto error = bind_params(params, names, texts)) return error;
  Sum sum;
  if (!sum.add(texts[0])) return param_error(params, names, 0, {"", kNumber});
  if (!sum.add(texts[1], second_sign)) return param_error(params, names, 1, {"", kNumber});
  return write(sum, result);
}

std::optional<Error> sum_all(std::string_view params, std::string& result) {
  Sum sum;
  std::size_t at = 0;
  for (proto::JsonWalker walker(params); walker.next(); ++at) {
    if (!sum.add(walker.value())) return invalid_params(pointer_step(at), kNumber);
  }
  return write(sum, result);
}

}  // namespace

std::optional<Error> sum(Call&, std::string_view params, std::string& result) {
  static const std::array<ParamDescription, 2> kNames = {{{.name = "a"}, {.name = "b"}}};
  return params.starts_with('[') ? sum_all(params, result) : combine_two(kNames, 1, params, result);
}

std::optional<Error> subtract(Call&, std::string_view params, std::string& result) {
  static const std::array<ParamDescription, 2> kNames = {{{.name = "minuend"}, {.name = "subtrahend"}}};
  return combine_two(kNames, -1, params, result);
}

}  // namespace sluice::daemon
