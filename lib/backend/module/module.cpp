#include "lib/backend/module/module.hpp"

#include <cerrno>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
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

Result<void, ModuleProblem> compare(const ModuleBuild& module) {
  const ModuleBuild own;
  for (const Aspect& aspect : kAspects) {
    if (module.*aspect.value == own.*aspect.value) continue;
    return ModuleProblem{std::string("was built against another ") + aspect.what + " (" +
                         std::to_string(module.*aspect.value) + ", this server has " +
                         std::to_string(own.*aspect.value) + ")"};
  }
  return success();
}

Result<std::string, ModuleProblem> read_module(const std::string& file) {
  std::string bytes;
  if (auto read = read_regular_file(file, kModuleBytesMax, bytes); !read)
    return ModuleProblem{std::move(read).error().what};
  return bytes;
}

Result<void, ModuleProblem> check_build(std::string_view bytes) {
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

using Code = Result<Methods*, ModuleProblem>;

Code or_problem(Methods* methods) {
  if (methods == nullptr) return ModuleProblem{"is not a module: it has no methods"};
  return methods;
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

Result<void, ModuleProblem> check_methods(const std::vector<MethodSpec>& specs) {
  for (const MethodSpec& spec : specs) {
    const bool has_handler =
        spec.kind == HandlerKind::async ? spec.async != nullptr : spec.handler != nullptr;
    if (!has_handler) return ModuleProblem{"has a method without a handler: \"" + spec.name + "\""};
    if (spec.name.empty() || spec.name.starts_with("rpc.") || spec.name.starts_with("$/")) {
      return ModuleProblem{"has a method whose name is the server's own: \"" + spec.name + "\""};
    }
  }
  return success();
}

}  // namespace

Result<void, ModuleProblem> check_module(const std::string& file) {
  auto bytes = read_module(file);
  if (!bytes) return std::move(bytes).error();
  return check_build(bytes.value());
}

Result<LoadedModule, ModuleProblem> load_module(const std::string& file) {
  auto bytes = read_module(file);
  if (!bytes) return std::move(bytes).error();
  if (auto checked = check_build(bytes.value()); !checked) return std::move(checked).error();
  LoadedModule module;
  module.content = sha256(bytes.value());
  auto code = load_code(bytes.value(), module.content);
  if (!code) return std::move(code).error();
  try {
    code.value()(module.methods);
  } catch (const std::exception& error) {
    return ModuleProblem{std::string("failed to give its methods: ") + error.what()};
  }
  if (auto checked = check_methods(module.methods); !checked) return std::move(checked).error();
  return module;
}

}  // namespace sluice::core
