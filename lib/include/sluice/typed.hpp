// Typed method: a method from a plain callable, with conversion of params and result.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <sluice/call.hpp>
#include <sluice/error.hpp>
#include <sluice/method.hpp>
#include <sluice/params.hpp>
#include <sluice/result_value.hpp>
#include <sluice/schema.hpp>

namespace sluice {
namespace detail {

// Return and parameter types of a callable, without the optional `Call&` at its front.
template <typename Return, typename... Arguments>
struct Signature {
  using Answer = std::remove_cvref_t<Return>;
  using Params = std::tuple<std::remove_cvref_t<Arguments>...>;
  static constexpr bool kTakesCall = false;
  // A param is created for each call and moved in, so a T& would have nothing to change.
  static constexpr bool kParamsByValue =
      (std::is_convertible_v<std::remove_cvref_t<Arguments>&&, Arguments> && ...);
};
template <typename Return, typename... Arguments>
struct Signature<Return, Call&, Arguments...> : Signature<Return, Arguments...> {
  static constexpr bool kTakesCall = true;
};

template <typename Callable>
struct SignatureOf : SignatureOf<decltype(&Callable::operator())> {};
template <typename Return, typename... Arguments>
struct SignatureOf<Return (*)(Arguments...)> : Signature<Return, Arguments...> {};
template <typename Return, typename... Arguments>
struct SignatureOf<Return (*)(Arguments...) noexcept> : Signature<Return, Arguments...> {};
template <typename Return, typename Class, typename... Arguments>
struct SignatureOf<Return (Class::*)(Arguments...) const> : Signature<Return, Arguments...> {};
template <typename Return, typename Class, typename... Arguments>
struct SignatureOf<Return (Class::*)(Arguments...) const noexcept> : Signature<Return, Arguments...> {};

// The error -32603, for a result that JSON can't hold.
Error unwritable_result();
// Changes the path of an invalid_params() error, "/width", to "/0" if the client sent its params by position.
void name_as_sent(std::string_view params, std::span<const ParamDescription> descriptions, Error& error);
// Throws std::invalid_argument unless the names are `count` different ones that are not empty.
void check_param_names(const std::string& method, const std::vector<std::string>& names, std::size_t count);
// Throws std::invalid_argument if an optional param is followed by a required one.
void check_param_order(const std::string& method, std::span<const ParamDescription> params);

template <typename T>
std::optional<Error> write_answer(std::string& out, T&& answer) {
  using Answer = std::remove_cvref_t<T>;
  if constexpr (kIsA<Answer, Result>) {
    if (!answer.ok()) return std::move(answer.error());
    return write_answer(out, answer.value());
  } else {
    if (!write_json(out, answer)) return unwritable_result();
    return std::nullopt;
  }
}

template <typename Callable, typename... Arguments>
std::optional<Error> call_and_write(std::string& out, const Callable& callable, Arguments&&... arguments) {
  if constexpr (std::is_void_v<std::invoke_result_t<const Callable&, Arguments...>>) {
    std::invoke(callable, std::forward<Arguments>(arguments)...);
    out += "null";
    return std::nullopt;
  } else {
    return write_answer(out, std::invoke(callable, std::forward<Arguments>(arguments)...));
  }
}

template <typename T>
bool read_param(std::string_view text, std::optional<T>& value, Mismatch& mismatch) {
  if constexpr (kIsA<T, std::optional>) {
    if (text.empty()) return value.emplace(), true;
  }
  value = read_json<T>(text, mismatch);
  return value.has_value();
}

template <typename Callable>
class TypedHandler {
  using Of = SignatureOf<Callable>;
  using Params = typename Of::Params;
  static constexpr std::size_t kCount = std::tuple_size_v<Params>;

 public:
  TypedHandler(std::vector<ParamDescription> params, Callable callable)
      : params_(std::move(params)), callable_(std::move(callable)) {}

  std::optional<Error> operator()(Call& call, std::string_view params, std::string& out) const {
    std::array<std::string_view, kCount> texts;
    if (auto error = bind_params(params, params_, texts)) return error;
    return run(call, params, texts, out, std::make_index_sequence<kCount>());
  }

 private:
  template <std::size_t... I>
  std::optional<Error> run(Call& call, std::string_view params,
                           const std::array<std::string_view, kCount>& texts, std::string& out,
                           std::index_sequence<I...>) const {
    std::tuple<std::optional<std::tuple_element_t<I, Params>>...> values;
    Mismatch mismatch;
    std::size_t at = 0;
    const bool fit = ((at = I, read_param(texts[I], std::get<I>(values), mismatch)) && ...);
    if (!fit) {
      if (texts[at].empty()) mismatch.expected += " (it is missing)";
      return param_error(params, params_, at, std::move(mismatch));
    }
    std::optional<Error> error;
    if constexpr (Of::kTakesCall)
      error = call_and_write(out, callable_, call, std::move(*std::get<I>(values))...);
    else
      error = call_and_write(out, callable_, std::move(*std::get<I>(values))...);
    if (error) name_as_sent(params, params_, *error);
    return error;
  }

  std::vector<ParamDescription> params_;
  Callable callable_;
};

template <typename Params, std::size_t... I>
std::vector<ParamDescription> describe_params(std::vector<std::string> names, std::index_sequence<I...>) {
  std::vector<ParamDescription> described;
  (described.push_back({std::move(names[I]), schema_of<std::tuple_element_t<I, Params>>(),
                        !kIsA<std::tuple_element_t<I, Params>, std::optional>}),
   ...);
  return described;
}

}  // namespace detail

// A method with named, typed params: `callable` takes values of JSON types, optionally after a
// `Call&`, and returns such a value, a Result<> of one, or nothing (null).
//
// Types: bool, integers, float, double, std::string, Json, Within<>, std::vector, std::array,
// std::map<std::string, T>, std::optional (the client may leave it out or send null; only the last ones),
// and types with nlohmann's from_json and to_json (see SchemaOf).
//
// Params that don't fit are answered -32602 before the callable is called. For errors that the callable finds
// itself, it returns invalid_params("/name", ...), even if the client sent its params by position.
// A result without a JSON form, such as infinity, is answered -32603. The callable is called from
// several threads at once, so it is const. Throws std::invalid_argument if the names don't fit the
// callable's parameters.
template <typename Callable>
MethodSpec typed_method(std::string name, std::vector<std::string> param_names, Callable callable,
                        MethodOptions options = {}) {
  using Of = detail::SignatureOf<Callable>;
  using Params = typename Of::Params;
  static_assert(Of::kParamsByValue, "parameters must be taken by value or const reference");
  constexpr std::size_t kCount = std::tuple_size_v<Params>;
  detail::check_param_names(name, param_names, kCount);

  MethodSpec spec;
  spec.params = detail::describe_params<Params>(std::move(param_names), std::make_index_sequence<kCount>());
  detail::check_param_order(name, spec.params);
  spec.result_schema = schema_of<detail::ResultValueType<typename Of::Answer>>();
  spec.name = std::move(name);
  spec.kind = options.kind();
  spec.options = std::move(options);
  // Shared, so that a callable may be move-only.
  auto handler = std::make_shared<const detail::TypedHandler<Callable>>(spec.params, std::move(callable));
  spec.handler = [handler = std::move(handler)](Call& call, std::string_view params, std::string& out) {
    return (*handler)(call, params, out);
  };
  return spec;
}

// A method that takes its params as one JSON value, null if they are absent: `f(Call&, const Json&)` or
// `f(const Json&)`. Results, errors and threads are as with typed_method().
template <typename Callable>
MethodSpec json_method(std::string name, Callable callable, MethodOptions options = {}) {
  constexpr bool kTakesCall = std::is_invocable_v<const Callable&, Call&, const Json&>;
  static_assert(kTakesCall || std::is_invocable_v<const Callable&, const Json&>,
                "the callable must be one of f(Call&, const Json&) and f(const Json&), and not mutable");
  MethodSpec spec;
  spec.name = std::move(name);
  spec.kind = options.kind();
  spec.options = std::move(options);
  auto shared = std::make_shared<const Callable>(std::move(callable));
  spec.handler = [shared = std::move(shared)](Call& call, std::string_view text,
                                              std::string& out) -> std::optional<Error> {
    Mismatch mismatch;
    const std::optional<Json> params = text.empty() ? Json(nullptr) : parse_json(text, mismatch);
    if (!params) return invalid_params(std::move(mismatch.path), std::move(mismatch.expected));
    if constexpr (kTakesCall)
      return detail::call_and_write(out, *shared, call, *params);
    else
      return detail::call_and_write(out, *shared, *params);
  };
  return spec;
}

}  // namespace sluice
