#include "lib/backend/module/module.hpp"

#include <cerrno>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "lib/base/descriptor.hpp"
#include "lib/base/regular_file.hpp"
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

using Bytes = std::variant<std::string, ModuleProblem>;

Bytes read_module(const std::string& file) {
  std::string bytes;
  if (auto problem = read_regular_file(file, kModuleBytesMax, bytes))
    return ModuleProblem{std::move(*problem)};
  return bytes;
}

std::optional<ModuleProblem> check_build(std::string_view bytes) {
  ModuleBuild build;
  const std::size_t at = bytes.find(std::string_view(build.mark.data(), build.mark.size()));
  if (at == std::string_view::npos || bytes.size() - at < sizeof build) {
    return ModuleProblem{"is not a module: it does not say SLUICE_MODULE"};
  }
  std::memcpy(&build, bytes.data() + at, sizeof build);
  return compare(build);
}

// A file in memory that cannot change under the code that is mapped from it. Null with `errno` set.
Descriptor private_copy(std::string_view bytes) {
  Descriptor copy(::memfd_create("sluice-module", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  while (copy && !bytes.empty()) {
    const ssize_t written = ::write(copy.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Descriptor();
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (copy) ::fcntl(copy.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  return copy;
}

using Methods = void(std::vector<MethodSpec>&);

std::mutex loaded_mutex;
std::map<Sha256, Methods*> loaded;  // guarded by loaded_mutex; for the life of the process; null: has none

using Code = std::variant<Methods*, ModuleProblem>;

Code or_problem(Methods* methods) {
  return methods != nullptr ? Code(methods) : Code(ModuleProblem{"is not a module: it has no methods"});
}

Code load_code(std::string_view bytes, const Sha256& content) {
  {
    const std::lock_guard lock(loaded_mutex);
    if (const auto found = loaded.find(content); found != loaded.end()) return or_problem(found->second);
  }
  Descriptor copy = private_copy(bytes);
  if (!copy) return ModuleProblem{std::string("can't be copied to memory: ") + std::strerror(errno)};
  const std::string path = "/proc/self/fd/" + std::to_string(copy.get());
  void* const module = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) return ModuleProblem{std::string("can't be loaded: ") + ::dlerror()};
  auto* const methods = reinterpret_cast<Methods*>(::dlsym(module, "sluice_module_methods"));
  copy.release();  // stays open: by the same path again, dlopen() would give this code again
  const std::lock_guard lock(loaded_mutex);
  return or_problem(loaded.emplace(content, methods).first->second);
}

std::optional<ModuleProblem> check_methods(const std::vector<MethodSpec>& specs) {
  for (const MethodSpec& spec : specs) {
    const bool has_handler =
        spec.kind == HandlerKind::async ? spec.async != nullptr : spec.handler != nullptr;
    if (!has_handler) return ModuleProblem{"has a method without a handler: \"" + spec.name + "\""};
    if (spec.name.empty() || spec.name.starts_with("rpc.") || spec.name.starts_with("$/")) {
      return ModuleProblem{"has a method whose name is the server's own: \"" + spec.name + "\""};
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<ModuleProblem> check_module(const std::string& file) {
  Bytes read = read_module(file);
  if (auto* problem = std::get_if<ModuleProblem>(&read)) return std::move(*problem);
  return check_build(std::get<std::string>(read));
}

std::variant<LoadedModule, ModuleProblem> load_module(const std::string& file) {
  Bytes read = read_module(file);
  if (auto* problem = std::get_if<ModuleProblem>(&read)) return std::move(*problem);
  const std::string& bytes = std::get<std::string>(read);
  if (auto problem = check_build(bytes)) return std::move(*problem);
  LoadedModule module;
  module.content = sha256(bytes);
  auto code = load_code(bytes, module.content);
  if (auto* problem = std::get_if<ModuleProblem>(&code)) return std::move(*problem);
  try {
    std::get<Methods*>(code)(module.methods);
  } catch (const std::exception& error) {
    return ModuleProblem{std::string("failed to give its methods: ") + error.what()};
  }
  if (auto problem = check_methods(module.methods)) return std::move(*problem);
  return module;
}

}  // namespace sluice::core
