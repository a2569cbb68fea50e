// Module: methods in a shared object that `sluiced` loads ([[backend]] module = "...").
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <sluice/method.hpp>
#include <sluice/typed.hpp>

namespace sluice {

// Memory layout of a module's types, which depends on its compiler, its libraries and their versions. The
// server reads it from the module's file before it loads the file: a mismatch would be undefined behaviour
// from the first call on.
struct ModuleBuild {
  std::array<char, 24> mark = {'s', 'l', 'u', 'i', 'c', 'e', ' ', 'm', 'o', 'd', 'u',
                               'l', 'e', ' ', 'b', 'u', 'i', 'l', 'd', ':', '\n'};
  std::uint32_t interface = 1;  // version of these headers; incremented whenever their meaning changes
  std::uint32_t compiler_abi = __GXX_ABI_VERSION;
  std::uint32_t standard_library = _GLIBCXX_RELEASE;
  std::uint32_t string_abi = _GLIBCXX_USE_CXX11_ABI;
  std::uint32_t json_library = NLOHMANN_JSON_VERSION_MAJOR * 1'000'000 + NLOHMANN_JSON_VERSION_MINOR * 1000 +
                               NLOHMANN_JSON_VERSION_PATCH;
  std::uint32_t method_size = sizeof(MethodSpec);
  std::uint32_t json_size = sizeof(Json);
  std::uint32_t sanitizer =
#if defined(__SANITIZE_ADDRESS__)
      1;
#elif defined(__SANITIZE_THREAD__)
      2;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
      1;
#elif __has_feature(thread_sanitizer)
      2;
#else
      0;
#endif
#else
      0;
#endif

  bool operator==(const ModuleBuild&) const = default;
};

}  // namespace sluice

// Use it once in a module, at namespace scope: `function` returns its methods, as
// std::vector<sluice::MethodSpec>. It is called once, on loading. The methods run on workers of the server's
// process. A handler that crashes ends the server, and a handler that never returns keeps its worker. Code
// that may do either belongs into a child process.
#define SLUICE_MODULE(function)                                                        \
  extern "C" {                                                                         \
  [[gnu::visibility("default")]] extern const sluice::ModuleBuild sluice_module_build; \
  [[gnu::used]] const sluice::ModuleBuild sluice_module_build{};                       \
  [[gnu::used, gnu::visibility("default")]] void sluice_module_methods(                \
      std::vector<sluice::MethodSpec>& to) {                                           \
    to = function();                                                                   \
  }                                                                                    \
  }                                                                                    \
  static_assert(true)
