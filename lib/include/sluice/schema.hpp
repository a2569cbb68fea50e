// Schema: descriptions of C++ types for clients, as JSON Schema and in words.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <sluice/json.hpp>

namespace sluice {

// Describes a user-defined type. Specialise it beside the type's from_json and to_json:
//
//   template <>
//   struct sluice::SchemaOf<Point> {
//     static Json schema() { return {{"type", "object"}, {"required", {"x", "y"}}}; }
//     static std::string expected() { return "a point with x and y"; }
//   };
//
// `expected` completes the sentence "this should have been ..." in the error -32602; it may be left out. The
// problem that nlohmann_json finds in a value follows it. A type without a description has the schema {} and
// accepts whatever its from_json accepts.
template <typename T>
struct SchemaOf {
  static Json schema() { return Json::object(); }
};

// An integer from Min to Max, both included; others are refused with -32602.
template <std::int64_t Min, std::int64_t Max>
struct Within {
  static_assert(Min <= Max);
  std::int64_t value = Min;
  constexpr operator std::int64_t() const { return value; }
};

namespace detail {

template <typename T, template <typename...> class Template>
inline constexpr bool kIsA = false;
template <template <typename...> class Template, typename... Arguments>
inline constexpr bool kIsA<Template<Arguments...>, Template> = true;

template <typename T>
inline constexpr bool kIsArray = false;
template <typename T, std::size_t Size>
inline constexpr bool kIsArray<std::array<T, Size>> = true;

template <typename T>
inline constexpr bool kIsWithin = false;
template <std::int64_t Min, std::int64_t Max>
inline constexpr bool kIsWithin<Within<Min, Max>> = true;

template <typename T>
inline constexpr bool kIsStringMap = false;
template <typename T, typename... More>
inline constexpr bool kIsStringMap<std::map<std::string, T, More...>> = true;

template <typename T>
inline constexpr bool kIsText =
    std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view> || std::is_same_v<T, const char*>;

template <typename T>
concept IntegerType =
    std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> && !std::same_as<T, wchar_t> &&
    !std::same_as<T, char8_t> && !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

Json nullable(Json schema);
std::string integer_range(std::string least, std::string greatest);

template <typename T>
struct WithinBounds;
template <std::int64_t Min, std::int64_t Max>
struct WithinBounds<Within<Min, Max>> {
  static constexpr std::int64_t kMin = Min;
  static constexpr std::int64_t kMax = Max;
};

}  // namespace detail

// The JSON Schema of T; {} allows every value.
template <typename T>
Json schema_of() {
  if constexpr (std::is_void_v<T>) {
    return {{"type", "null"}};
  } else if constexpr (std::is_same_v<T, bool>) {
    return {{"type", "boolean"}};
  } else if constexpr (detail::IntegerType<T>) {
    using Bounds = std::numeric_limits<T>;
    return {{"type", "integer"}, {"minimum", Bounds::min()}, {"maximum", Bounds::max()}};
  } else if constexpr (detail::kIsWithin<T>) {
    using Bounds = detail::WithinBounds<T>;
    return {{"type", "integer"}, {"minimum", Bounds::kMin}, {"maximum", Bounds::kMax}};
  } else if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    return {{"type", "number"}};
  } else if constexpr (detail::kIsText<T>) {
    return {{"type", "string"}};
  } else if constexpr (detail::kIsA<T, std::optional>) {
    return detail::nullable(schema_of<typename T::value_type>());
  } else if constexpr (detail::kIsA<T, std::vector>) {
    return {{"type", "array"}, {"items", schema_of<typename T::value_type>()}};
  } else if constexpr (detail::kIsArray<T>) {
    constexpr auto kSize = std::tuple_size_v<T>;
    return {{"type", "array"},
            {"items", schema_of<typename T::value_type>()},
            {"minItems", kSize},
            {"maxItems", kSize}};
  } else if constexpr (detail::kIsStringMap<T>) {
    return {{"type", "object"}, {"additionalProperties", schema_of<typename T::mapped_type>()}};
  } else if constexpr (std::is_same_v<T, Json>) {
    return Json::object();
  } else {
    return SchemaOf<T>::schema();
  }
}

// Description of a T in words, for error messages: "an integer from 0 to 255".
template <typename T>
std::string expected_of() {
  if constexpr (std::is_same_v<T, bool>) {
    return "a boolean";
  } else if constexpr (detail::IntegerType<T>) {
    using Bounds = std::numeric_limits<T>;
    return detail::integer_range(std::to_string(Bounds::min()), std::to_string(Bounds::max()));
  } else if constexpr (detail::kIsWithin<T>) {
    using Bounds = detail::WithinBounds<T>;
    return detail::integer_range(std::to_string(Bounds::kMin), std::to_string(Bounds::kMax));
  } else if constexpr (std::is_same_v<T, float>) {
    return "a number in the range of a 32-bit float";
  } else if constexpr (std::is_same_v<T, double>) {
    return "a number in the range of a 64-bit float";
  } else if constexpr (std::is_same_v<T, std::string>) {
    return "a string";
  } else if constexpr (detail::kIsA<T, std::optional>) {
    return expected_of<typename T::value_type>() + ", or null";
  } else if constexpr (detail::kIsA<T, std::vector>) {
    return "an array";
  } else if constexpr (detail::kIsArray<T>) {
    return "an array of " + std::to_string(std::tuple_size_v<T>) + " values";
  } else if constexpr (detail::kIsStringMap<T>) {
    return "an object";
  } else if constexpr (std::is_same_v<T, Json>) {
    return "a value with numbers in the range of a 64-bit float";
  } else if constexpr (requires { SchemaOf<T>::expected(); }) {
    return SchemaOf<T>::expected();
  } else if (SchemaOf<T>::schema().empty()) {
    return "a value that the method can read";
  } else {
    return "a value as rpc.discover describes it";
  }
}

}  // namespace sluice
