// How a handler says that a call failed.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include <sluice/json.hpp>

namespace sluice {

// A JSON-RPC error object as the client gets it, untouched. Codes from -32768 to -32000 are reserved by
// JSON-RPC and sluice; an application's own errors use others.
struct Error {
  std::int64_t code = 0;
  std::string message;
  Json data = nullptr;  // null: the error has no data member
};

// The error -32602. `path` is a JSON pointer to the wrong value ("/width", "" for the params as a whole),
// `expected` says in words what would have been right.
Error invalid_params(std::string path, std::string expected);

// The error -32800: the handler stopped because it was asked to (Call::stop_token()).
Error cancelled();

// What a handler returns: a value or an error. An exception that leaves a handler is a bug: its caller is
// told "Internal error" and nothing else.
template <typename T>
class Result {
 public:
  Result() : content_(std::in_place_index<1>) {}
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return content_.index() == 0; }
  explicit operator bool() const { return ok(); }
  // Calling value() on an error, or error() on a value, throws std::bad_variant_access.
  T& value() { return std::get<0>(content_); }
  const T& value() const { return std::get<0>(content_); }
  Error& error() { return std::get<1>(content_); }
  const Error& error() const { return std::get<1>(content_); }

 private:
  std::variant<T, Error> content_;
};

}  // namespace sluice
