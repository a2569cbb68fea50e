// Params conversion: from JSON text to C++ values and back. typed_method() uses it, and a TextHandler may use
// it for its params. All input texts must be valid JSON, as a TextHandler's params are. All functions may be
// called from any thread.
#pragma once

#include <cstdint>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <sluice/error.hpp>
#include <sluice/method.hpp>
#include <sluice/schema.hpp>

namespace sluice {

// Mismatch of a value: its position (a JSON pointer from the whole value), and the expected values in words.
struct Mismatch {
  std::string path;
  std::string expected;
};

// One step of a JSON pointer, with its slash: "/a~1b" for "a/b". Very long names are cut, so that a client's
// params can't make a long error.
std::string pointer_step(std::string_view name);
std::string pointer_step(std::size_t index);

// Writes the texts of the params, by position (array) or by name (object), in the order of `descriptions`;
// empty for absent ones, which read_json() refuses. Both spans have one size. Returns an error (-32602) for
// unknown or surplus params. Of duplicate names the last counts.
std::optional<Error> bind_params(std::string_view params, std::span<const ParamDescription> descriptions,
                                 std::span<std::string_view> texts);

// The error -32602 for the param at `index`, named as the client named it: "/1" or "/width".
Error param_error(std::string_view params, std::span<const ParamDescription> descriptions, std::size_t index,
                  Mismatch mismatch);

// The value as a tree; nothing if a number is outside the range of a double (`mismatch` has its position).
// Takes time linear in the text, whatever its keys are. Of duplicate names the last counts.
std::optional<Json> parse_json(std::string_view text, Mismatch& mismatch);

namespace detail {

// False if the text is another kind of value, or a number that the type can't hold. Integers may be written
// as 1.0 or 1e3, as JSON Schema allows.
bool read_text(std::string_view text, bool& value);
bool read_text(std::string_view text, std::int64_t& value);
bool read_text(std::string_view text, std::uint64_t& value);
bool read_text(std::string_view text, double& value);
bool read_text(std::string_view text, float& value);
bool read_text(std::string_view text, std::string& value);

// Appends valid JSON text for any value: a string's bytes that are not UTF-8 become U+FFFD. False for values
// without a JSON form: infinity, NaN, a discarded Json.
void append(std::string& out, bool value);
void append(std::string& out, std::int64_t value);
void append(std::string& out, std::uint64_t value);
[[nodiscard]] bool append(std::string& out, double value);
[[nodiscard]] bool append(std::string& out, float value);
void append(std::string& out, std::string_view value);
[[nodiscard]] bool append(std::string& out, const Json& value);

// Calls `visit(context, key, value)` for each element (the key is empty in an array) until it returns false.
// False if the text is not an array (object), or if `visit` returned false.
using Visit = bool (*)(void* context, std::string_view key, std::string_view value);
bool for_each_element(std::string_view array, void* context, Visit visit);
bool for_each_member(std::string_view object, void* context, Visit visit);

template <typename T>
std::optional<T> misfit(Mismatch& mismatch) {
  mismatch = {"", expected_of<T>()};
  return std::nullopt;
}

// `expected`, followed by the problem in a message of nlohmann_json's exception, without its prefix.
std::string with_reason(std::string expected, std::string_view what);

template <typename T, typename ReadAs>
std::optional<T> read_scalar(std::string_view text, Mismatch& mismatch) {
  if (ReadAs value; read_text(text, value)) {
    if constexpr (std::is_same_v<T, ReadAs>)
      return value;
    else if (std::in_range<T>(value))
      return static_cast<T>(value);
  }
  return misfit<T>(mismatch);
}

// Uses the type's own from_json, which throws to refuse a value.
template <typename T>
std::optional<T> read_with_from_json(std::string_view text, Mismatch& mismatch) {
  if (text.empty()) return misfit<T>(mismatch);
  const std::optional<Json> json = parse_json(text, mismatch);
  if (!json) return std::nullopt;
  try {
    return json->template get<T>();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const Json::exception& exception) {
    mismatch = {"", with_reason(expected_of<T>(), exception.what())};
    return std::nullopt;
  } catch (const std::exception&) {
    return misfit<T>(mismatch);
  }
}

}  // namespace detail

// The value of `text`; nothing on a mismatch, which is in `mismatch`.
template <typename T>
std::optional<T> read_json(std::string_view text, Mismatch& mismatch);

namespace detail {

template <typename T>
struct ElementReader {
  using Element = typename T::value_type;
  T& into;
  Mismatch& mismatch;
  std::size_t count = 0;

  static bool visit(void* context, std::string_view, std::string_view text) {
    auto& self = *static_cast<ElementReader*>(context);
    std::optional<Element> element = read_json<Element>(text, self.mismatch);
    if (!element) {
      self.mismatch.path.insert(0, pointer_step(self.count));
      return false;
    }
    if constexpr (kIsArray<T>) {
      if (self.count < self.into.size()) self.into[self.count] = std::move(*element);
    } else {
      self.into.push_back(std::move(*element));
    }
    ++self.count;
    return true;
  }
};

template <typename T>
struct MemberReader {
  T& into;
  Mismatch& mismatch;

  static bool visit(void* context, std::string_view key, std::string_view text) {
    auto& self = *static_cast<MemberReader*>(context);
    auto member = read_json<typename T::mapped_type>(text, self.mismatch);
    if (member)
      self.into.insert_or_assign(std::string(key), std::move(*member));
    else
      self.mismatch.path.insert(0, pointer_step(key));
    return member.has_value();
  }
};

template <typename T>
std::optional<T> read_elements(std::string_view text, Mismatch& mismatch) {
  std::optional<T> value(std::in_place);
  mismatch = {};
  ElementReader<T> reader{*value, mismatch};
  bool fits = for_each_element(text, &reader, &ElementReader<T>::visit);
  if constexpr (kIsArray<T>) fits = fits && reader.count == value->size();
  if (fits) return value;
  return mismatch.expected.empty() ? misfit<T>(mismatch) : std::nullopt;
}

template <typename T>
std::optional<T> read_members(std::string_view text, Mismatch& mismatch) {
  std::optional<T> value(std::in_place);
  mismatch = {};
  MemberReader<T> reader{*value, mismatch};
  if (for_each_member(text, &reader, &MemberReader<T>::visit)) return value;
  return mismatch.expected.empty() ? misfit<T>(mismatch) : std::nullopt;
}

template <typename T>
std::optional<T> read_within(std::string_view text, Mismatch& mismatch) {
  using Bounds = WithinBounds<T>;
  std::int64_t value = 0;
  if (!read_text(text, value) || value < Bounds::kMin || value > Bounds::kMax) return misfit<T>(mismatch);
  return T{value};
}

}  // namespace detail

template <typename T>
std::optional<T> read_json(std::string_view text, Mismatch& mismatch) {
  if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, float> || std::is_same_v<T, double> ||
                std::is_same_v<T, std::string>) {
    return detail::read_scalar<T, T>(text, mismatch);
  } else if constexpr (detail::IntegerType<T>) {
    using Widest = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
    return detail::read_scalar<T, Widest>(text, mismatch);
  } else if constexpr (detail::kIsWithin<T>) {
    return detail::read_within<T>(text, mismatch);
  } else if constexpr (detail::kIsA<T, std::optional>) {
    if (text == "null") return std::optional<T>(std::in_place);
    auto value = read_json<typename T::value_type>(text, mismatch);
    if (!value && mismatch.path.empty() && mismatch.expected == expected_of<typename T::value_type>())
      return detail::misfit<T>(mismatch);
    return value ? std::optional<T>(std::move(value)) : std::nullopt;
  } else if constexpr (detail::kIsA<T, std::vector> || detail::kIsArray<T>) {
    return detail::read_elements<T>(text, mismatch);
  } else if constexpr (detail::kIsStringMap<T>) {
    return detail::read_members<T>(text, mismatch);
  } else if constexpr (std::is_same_v<T, Json>) {
    return parse_json(text, mismatch);
  } else {
    static_assert(!detail::kIsText<T> && !std::is_pointer_v<T>, "take a std::string: it owns its text");
    static_assert(
        requires(const Json& json) { json.get<T>(); },
        "a parameter's type must be one that JSON has, or have a from_json(const Json&, T&)");
    return detail::read_with_from_json<T>(text, mismatch);
  }
}

// Appends `value` as JSON text. False for values without a JSON form, such as infinity; then the appended
// text is useless.
template <typename T>
[[nodiscard]] bool write_json(std::string& out, const T& value);

namespace detail {

template <typename T>
bool write_elements(std::string& out, const T& values) {
  out += '[';
  bool first = true;
  for (const typename T::value_type& value : values) {
    if (!std::exchange(first, false)) out += ',';
    if (!write_json(out, value)) return false;
  }
  out += ']';
  return true;
}

template <typename T>
bool write_members(std::string& out, const T& members) {
  out += '{';
  bool first = true;
  for (const auto& [key, value] : members) {
    if (!std::exchange(first, false)) out += ',';
    append(out, std::string_view(key));
    out += ':';
    if (!write_json(out, value)) return false;
  }
  out += '}';
  return true;
}

}  // namespace detail

template <typename T>
bool write_json(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    detail::append(out, value);
  } else if constexpr (detail::IntegerType<T>) {
    detail::append(out,
                   static_cast<std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>(value));
  } else if constexpr (detail::kIsWithin<T>) {
    detail::append(out, value.value);
  } else if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, Json>) {
    return detail::append(out, value);
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    detail::append(out, std::string_view(value));
  } else if constexpr (std::is_same_v<T, std::nullptr_t>) {
    out += "null";
  } else if constexpr (detail::kIsA<T, std::optional>) {
    if (value) return write_json(out, *value);
    out += "null";
  } else if constexpr (detail::kIsA<T, std::vector> || detail::kIsArray<T>) {
    return detail::write_elements(out, value);
  } else if constexpr (detail::kIsStringMap<T>) {
    return detail::write_members(out, value);
  } else if constexpr (std::is_constructible_v<Json, const T&>) {
    return detail::append(out, Json(value));
  } else {
    // nlohmann's macros define to_json for nlohmann::json alone.
    static_assert(std::is_constructible_v<nlohmann::json, const T&>,
                  "a result's type must be one that JSON has, or have a to_json(Json&, const T&)");
    return detail::append(out, Json(nlohmann::json(value)));
  }
  return true;
}

}  // namespace sluice
