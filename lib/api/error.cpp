#include "lib/include/sluice/error.hpp"

#include "proto/error.hpp"

namespace sluice {
namespace {

// Code and message from the protocol's table; the data is built here, as a tree.
Error from_table(const proto::Error& error, Json data) {
  return {error.code, error.message, std::move(data)};
}

}  // namespace

Error invalid_params(std::string path, std::string expected) {
  return from_table(
      proto::invalid_params({}, {}),
      {{"reason", "invalid_params"}, {"path", std::move(path)}, {"expected", std::move(expected)}});
}

Error cancelled() { return from_table(proto::cancelled(), {{"reason", "cancelled"}}); }

}  // namespace sluice
