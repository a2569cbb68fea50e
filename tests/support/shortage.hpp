// A method that lets memory run out on the I/O thread that calls it.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>

#include "tests/support/failing_allocator.hpp"
#include "tests/support/test_server.hpp"

namespace sluice::testing {

// Params [skip, count, bytes], for fail_allocations(); answers 1.
inline MethodSpec shortage_method() {
  const auto begin = [](Call&, std::string_view params, std::string& result) -> std::optional<Error> {
    std::size_t skip = 0;
    std::size_t count = 0;
    // No JSON tree: its end would fall into the shortage, and nlohmann_json's destructors allocate.
    std::size_t bytes = 0;
    std::sscanf(std::string(params).c_str(), "[%zu,%zu,%zu]", &skip, &count, &bytes);
    result += "1";
    fail_allocations(skip, count, bytes);
    return std::nullopt;
  };
  return text_method("shortage", begin, {.inline_io = true});
}

inline std::string shortage(std::size_t skip, std::size_t count, std::size_t bytes = 0) {
  const auto numbers = std::to_string(skip) + "," + std::to_string(count) + "," + std::to_string(bytes);
  return request(0, "shortage", "[" + numbers + "]");
}

}  // namespace sluice::testing
