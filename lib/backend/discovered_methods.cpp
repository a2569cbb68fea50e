#include "lib/backend/discovered_methods.hpp"

#include <algorithm>

namespace sluice::core {
namespace {

Json schema_of(const Json& holder) {
  const auto schema = holder.find("schema");
  return schema == holder.end() ? Json::object() : *schema;
}

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool is_usable(std::string_view name) {
  const auto fits = [](unsigned char c) { return c > ' ' && c != 0x7F && c != '*'; };
  return !name.empty() && name.size() <= kDiscoveredNameBytesMax && std::ranges::all_of(name, fits) &&
         !name.starts_with("rpc.") && !name.starts_with("$/");
}

MethodSpec read_method(const Json& entry) {
  MethodSpec spec;
  spec.name = text_of(entry, "name");
  spec.options.summary = text_of(entry, "summary");
  if (const auto params = entry.find("params"); params != entry.end() && params->is_array()) {
    for (const Json& param : *params) {
      if (!param.is_object()) continue;
      const auto required = param.find("required");
      spec.params.push_back({text_of(param, "name"), schema_of(param),
                             required != param.end() && required->is_boolean() && required->get<bool>()});
    }
  }
  if (const auto result = entry.find("result"); result != entry.end() && result->is_object()) {
    spec.result_schema = schema_of(*result);
  }
  return spec;
}

}  // namespace

std::vector<MethodSpec> read_openrpc(std::string_view document) {
  std::vector<MethodSpec> methods;
  if (document.size() > kDiscoveredBytesMax) return methods;
  const Json parsed = Json::parse(document, nullptr, false);
  if (!parsed.is_object()) return methods;
  const auto entries = parsed.find("methods");
  if (entries == parsed.end() || !entries->is_array()) return methods;
  for (const Json& entry : *entries) {
    if (!entry.is_object() || methods.size() == kDiscoveredMethodsMax) continue;
    MethodSpec method = read_method(entry);
    if (is_usable(method.name)) methods.push_back(std::move(method));
  }
  return methods;
}

}  // namespace sluice::core
