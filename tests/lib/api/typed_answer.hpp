// Calling a method's handler without a server, for tests.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/call/active_call.hpp"
#include "lib/include/sluice/typed.hpp"

namespace sluice {

// The result's text, or the error's code, path and expected value.
inline std::string answer(const MethodSpec& method, std::string_view params) {
  core::ActiveCall active;
  Call call(active);
  std::string out;
  const auto error = method.handler(call, params, out);
  if (!error) return out;
  if (!error->data.contains("path")) return std::to_string(error->code) + " " + error->message;
  return std::to_string(error->code) + " " + error->data.at("path").get<std::string>() + ": " +
         error->data.at("expected").get<std::string>();
}

// A method of one param "a" that gives its value back.
template <typename T>
MethodSpec identity() {
  return typed_method("identity", {"a"}, [](const T& a) { return a; });
}

}  // namespace sluice
