// Errors and results of handlers.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include <sluice/json.hpp>

namespace sluice {

// A JSON-RPC error object, which the client gets unchanged. JSON-RPC and sluice reserve the codes from -32768
// to -32000; an application's own errors use others.
struct Error {
  std::int64_t code = 0;
  std::string message;
  Json data = nullptr;  // null: the error has no data member
};

// The error -32602. `path` is a JSON pointer to the wrong value ("/width", "" for the params as a whole).
// `expected` describes the right value in words.
Error invalid_params(std::string path, std::string expected);

// The error -32800: the handler has stopped on request (Call::stop_token()).
Error cancelled();

// Result of a handler: a value or an error. An exception that leaves a handler is a bug: its caller gets only
// "Internal error".
template <typename T>
class Result {
 public:
  Result() : content_(std::in_place_index<1>) {}
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return content_.index() == 0; }
  explicit operator bool() const { return ok(); }
  // value() of an error, and error() of a value, throw std::bad_variant_access.
  T& value() { return std::get<0>(content_); }
  const T& value() const { return std::get<0>(content_); }
  Error& error() { return std::get<1>(content_); }
  const Error& error() const { return std::get<1>(content_); }

 private:
  std::variant<T, Error> content_;
};

}  // namespace sluice
