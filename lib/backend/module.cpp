#include "lib/backend/module.hpp"

#include <cerrno>
#include <cstring>
#include <exception>
#include <fstream>
#include <optional>
#include <string_view>

#include <dlfcn.h>

#include "lib/include/sluice/module.hpp"

namespace sluice::core {
namespace {

struct Aspect {
  std::uint32_t ModuleBuild::*value;
  const char* what;
};
constexpr Aspect kAspects[] = {
    {&ModuleBuild::interface, "libsluice's headers"},  {&ModuleBuild::compiler_abi, "compiler ABI"},
    {&ModuleBuild::standard_library, "libstdc++"},     {&ModuleBuild::string_abi, "libstdc++'s string ABI"},
    {&ModuleBuild::json_library, "nlohmann_json"},     {&ModuleBuild::method_size, "size of a method"},
    {&ModuleBuild::json_size, "size of a JSON value"}, {&ModuleBuild::sanitizer, "sanitizer"},
};

std::optional<ModuleProblem> compare(const ModuleBuild& module) {
  const ModuleBuild own;
  for (const Aspect& aspect : kAspects) {
    if (module.*aspect.value == own.*aspect.value) continue;
    return ModuleProblem{std::string("was built against another ") + aspect.what + " (" +
                         std::to_string(module.*aspect.value) + ", this server has " +
                         std::to_string(own.*aspect.value) + ")"};
  }
  return std::nullopt;
}

}  // namespace

std::optional<ModuleProblem> check_module(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return ModuleProblem{std::string("can't be read: ") + std::strerror(errno)};
  in.seekg(0, std::ios::end);
  const auto size = in.tellg();
  if (size < 0 || static_cast<std::size_t>(size) > kModuleBytesMax)
    return ModuleProblem{"is no file of a sensible size"};
  std::string bytes(static_cast<std::size_t>(size), '\0');
  in.seekg(0);
  in.read(bytes.data(), size);
  ModuleBuild build;
  const std::size_t at = bytes.find(std::string_view(build.mark.data(), build.mark.size()));
  if (at == std::string::npos || bytes.size() - at < sizeof build) {
    return ModuleProblem{"is no module: it does not say SLUICE_MODULE"};
  }
  std::memcpy(&build, bytes.data() + at, sizeof build);
  return compare(build);
}

std::variant<std::vector<MethodSpec>, ModuleProblem> load_module(const std::string& file) {
  if (auto problem = check_module(file)) return std::move(*problem);
  // A name without a slash would be looked for among the system's libraries.
  const std::string path = file.find('/') == std::string::npos ? "./" + file : file;
  void* const module = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) return ModuleProblem{std::string("can't be loaded: ") + ::dlerror()};
  using Methods = void(std::vector<MethodSpec>&);
  auto* const methods = reinterpret_cast<Methods*>(::dlsym(module, "sluice_module_methods"));
  if (methods == nullptr) return ModuleProblem{"is no module: it has no methods"};
  std::vector<MethodSpec> specs;
  try {
    methods(specs);
  } catch (const std::exception& error) {
    return ModuleProblem{std::string("failed to give its methods: ") + error.what()};
  }
  for (const MethodSpec& spec : specs) {
    const bool has_handler =
        spec.kind == HandlerKind::async ? spec.async != nullptr : spec.handler != nullptr;
    if (!has_handler) return ModuleProblem{"has a method without a handler: \"" + spec.name + "\""};
    if (spec.name.empty() || spec.name.starts_with("rpc.") || spec.name.starts_with("$/")) {
      return ModuleProblem{"has a method whose name is the server's own: \"" + spec.name + "\""};
    }
  }
  return specs;
}

}  // namespace sluice::core
