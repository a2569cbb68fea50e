#include "lib/server/discover_method.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/access/method_patterns.hpp"
#include "lib/include/sluice/call.hpp"
#include "lib/rpc/registry.hpp"
#include "lib/version.hpp"

namespace sluice::core {
namespace {

using Document = std::shared_ptr<const std::string>;

// All names in one version of the registry, those of routes with their star. Methods are not kept, so that
// removed ones can end.
struct Names {
  std::uint64_t version = 0;
  std::vector<std::string> names;
};

// Key by the caller's rights: callers with the same rights share a document.
struct Key {
  std::uint64_t version = 0;
  std::vector<bool> allowed;  // by the index in Names

  bool operator==(const Key&) const = default;
};

// Time that a caller waits for a document that another is writing, before it writes its own.
constexpr auto kMakingTimeMax = std::chrono::seconds(1);

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
    std::promise<Document> promise;
    const auto making = others_making(key, promise);
    if (!making) return make_for_all(call, key, promise);
    const bool in_time = making->wait_for(kMakingTimeMax) == std::future_status::ready;
    const Document made = in_time ? making->get() : nullptr;
    return made ? made : make(call);
  }

 private:
  using Kept = std::pair<Key, Document>;
  using Making = std::pair<Key, std::shared_future<Document>>;

  static bool listed(const std::string& name) {
    return !name.starts_with("rpc.") && MethodPatterns::other_name(name).empty();
  }

  std::shared_ptr<const Names> current_names() {
    // The version first: later registrations make these names outdated.
    const std::uint64_t version = registry_.version();
    {
      const std::lock_guard lock(mutex_);
      if (names_ && names_->version == version) return names_;
    }
    auto made = std::make_shared<Names>();
    made->version = version;
    for (const auto& methods : {registry_.all(), registry_.routes()}) {
      for (const auto& method : methods) {
        if (listed(method->spec().name)) made->names.push_back(method->spec().name);
      }
    }
    std::shared_ptr<const Names> result = std::move(made);
    std::shared_ptr<const Names> old = result;  // destroyed after the lock is released
    const std::lock_guard lock(mutex_);
    names_.swap(old);
    return result;
  }

  Document find(const Key& key) {
    const std::lock_guard lock(mutex_);
    return find_kept(key);
  }

  // Call with the lock held.
  Document find_kept(const Key& key) {
    const auto found = std::ranges::find(kept_, key, &Kept::first);
    if (found == kept_.end()) return nullptr;
    kept_.splice(kept_.begin(), kept_, found);
    return found->second;
  }

  // The result to wait for, if another caller is writing the document. Nothing if this caller is to write it,
  // and to set `promise` for the others.
  std::optional<std::shared_future<Document>> others_making(const Key& key, std::promise<Document>& promise) {
    std::list<Making> mine;
    mine.emplace_back(key, promise.get_future().share());
    const std::lock_guard lock(mutex_);
    if (const auto made = find_kept(key)) {
      promise.set_value(made);
      return mine.front().second;
    }
    const auto begun = std::ranges::find(making_, key, &Making::first);
    if (begun != making_.end()) return begun->second;
    making_.splice(making_.begin(), mine);
    return std::nullopt;
  }

  // Writes the document that others wait for. Null for them if that fails.
  Document make_for_all(const Call& call, const Key& key, std::promise<Document>& promise) {
    try {
      auto made = make(call);
      keep(key, made);
      promise.set_value(made);
      return made;
    } catch (...) {
      forget(key);
      promise.set_value(nullptr);
      throw;
    }
  }

  void keep(const Key& key, const Document& document) {
    std::list<Kept> made;
    made.emplace_back(key, document);
    std::list<Kept> dropped;  // both are destroyed after the lock is released
    std::list<Making> over;
    const std::lock_guard lock(mutex_);
    kept_.splice(kept_.begin(), made);
    take_making(key, over);
    if (kept_.size() > kDocumentsMax) dropped.splice(dropped.begin(), kept_, std::prev(kept_.end()));
  }

  void forget(const Key& key) {
    std::list<Making> over;
    const std::lock_guard lock(mutex_);
    take_making(key, over);
  }

  // Call with the lock held.
  void take_making(const Key& key, std::list<Making>& to) {
    const auto begun = std::ranges::find(making_, key, &Making::first);
    if (begun != making_.end()) to.splice(to.begin(), making_, begun);
  }

  Document make(const Call& call) const {
    const auto methods = registry_.all();
    const auto routes = registry_.routes();
    return std::make_shared<const std::string>(write_({allowed(methods, call), allowed(routes, call)}));
  }

  static std::vector<const MethodSpec*> allowed(const std::vector<std::shared_ptr<Method>>& methods,
                                                const Call& call) {
    std::vector<const MethodSpec*> specs;
    for (const auto& method : methods) {
      const std::string& name = method->spec().name;
      if (listed(name) && call.may_call(name)) specs.push_back(&method->spec());
    }
    return specs;
  }

  const Registry& registry_;
  const DocumentWriter write_;
  std::mutex mutex_;
  std::shared_ptr<const Names> names_;  // guarded by mutex_
  std::list<Kept> kept_;                // likewise; most recently requested first
  std::list<Making> making_;            // likewise; at most one for each worker
};

}  // namespace

MethodSpec discover_method(Registry& registry) {
  return discover_method(
      registry, [](const OpenRpcListing& listing) { return openrpc_document(listing, "sluice", kVersion); });
}

MethodSpec discover_method(Registry& registry, DocumentWriter write) {
  MethodSpec spec;
  spec.name = "rpc.discover";
  spec.options.summary = "The methods that the caller may call, as an OpenRPC document.";
  const auto documents = std::make_shared<Documents>(registry, std::move(write));
  spec.handler = [documents](Call& call, std::string_view, std::string& result) -> std::optional<Error> {
    const Document document = documents->document_for(call);
    // Including the closing brace, for which all would be moved into twice the memory.
    result.reserve(result.size() + document->size() + 1);
    result += *document;
    return std::nullopt;
  };
  return spec;
}

}  // namespace sluice::core
