#include "lib/server/discover_method.hpp"

#include <algorithm>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/dispatch/openrpc.hpp"
#include "lib/dispatch/registry.hpp"
#include "lib/include/sluice/call.hpp"
#include "lib/version.hpp"

namespace sluice::core {
namespace {

using Document = std::shared_ptr<const std::string>;

// All names that there were in one version of the registry; not the methods, which end when they are removed.
struct Names {
  std::uint64_t version = 0;
  std::vector<std::string> names;
};

// By what the caller may call, so that a document is shared by all to whom it says the same.
struct Key {
  std::uint64_t version = 0;
  std::vector<bool> allowed;  // by the index in Names

  bool operator==(const Key&) const = default;
};

// Thread-safe. The lock covers moves of list nodes, comparisons and copies of pointers.
class Documents {
 public:
  Documents(const Registry& registry, DocumentWriter write) : registry_(registry), write_(std::move(write)) {}

  Document document_for(const Call& call) {
    const auto names = current_names();
    Key key{names->version, {}};
    key.allowed.reserve(names->names.size());
    for (const std::string& name : names->names) key.allowed.push_back(call.may_call(name));
    if (auto found = find(key)) return found;
    const auto made = make(call);
    keep(std::move(key), made);
    return made;
  }

 private:
  using Kept = std::pair<Key, Document>;

  static bool listed(const std::string& name) { return !name.starts_with("rpc."); }

  std::shared_ptr<const Names> current_names() {
    // The version first: what is registered meanwhile makes these names old ones.
    const std::uint64_t version = registry_.version();
    {
      const std::lock_guard lock(mutex_);
      if (names_ && names_->version == version) return names_;
    }
    auto made = std::make_shared<Names>();
    made->version = version;
    for (const auto& method : registry_.all()) {
      if (listed(method->spec().name)) made->names.push_back(method->spec().name);
    }
    std::shared_ptr<const Names> result = std::move(made);
    const std::lock_guard lock(mutex_);
    names_ = result;
    return result;
  }

  Document find(const Key& key) {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(kept_, key, &Kept::first);
    if (found == kept_.end()) return nullptr;
    kept_.splice(kept_.begin(), kept_, found);
    return found->second;
  }

  void keep(Key key, const Document& document) {
    std::list<Kept> made;
    made.emplace_back(std::move(key), document);
    std::list<Kept> dropped;  // destroyed after the lock is gone
    const std::lock_guard lock(mutex_);
    kept_.splice(kept_.begin(), made);
    if (kept_.size() > kDocumentsMax) dropped.splice(dropped.begin(), kept_, std::prev(kept_.end()));
  }

  Document make(const Call& call) const {
    const auto methods = registry_.all();
    std::vector<const MethodSpec*> specs;
    for (const auto& method : methods) {
      const std::string& name = method->spec().name;
      if (listed(name) && call.may_call(name)) specs.push_back(&method->spec());
    }
    return std::make_shared<const std::string>(write_(specs));
  }

  const Registry& registry_;
  const DocumentWriter write_;
  std::mutex mutex_;
  std::shared_ptr<const Names> names_;  // guarded by mutex_
  std::list<Kept> kept_;                // likewise; the last one asked for first
};

}  // namespace

MethodSpec discover_method(Registry& registry) {
  return discover_method(registry, [](const std::vector<const MethodSpec*>& methods) {
    return openrpc_document(methods, "sluice", kVersion);
  });
}

MethodSpec discover_method(Registry& registry, DocumentWriter write) {
  MethodSpec spec;
  spec.name = "rpc.discover";
  spec.options.summary = "The methods that the caller may call, as an OpenRPC document.";
  const auto documents = std::make_shared<Documents>(registry, std::move(write));
  spec.handler = [documents](Call& call, std::string_view, std::string& result) -> std::optional<Error> {
    result += *documents->document_for(call);
    return std::nullopt;
  };
  return spec;
}

}  // namespace sluice::core
