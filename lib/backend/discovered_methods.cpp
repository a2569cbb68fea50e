#include "lib/backend/discovered_methods.hpp"

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
  const Json parsed = Json::parse(document, nullptr, false);
  std::vector<MethodSpec> methods;
  if (!parsed.is_object()) return methods;
  const auto entries = parsed.find("methods");
  if (entries == parsed.end() || !entries->is_array()) return methods;
  for (const Json& entry : *entries) {
    if (!entry.is_object() || methods.size() == kDiscoveredMethodsMax) continue;
    MethodSpec method = read_method(entry);
    const bool usable = !method.name.empty() && !method.name.starts_with("rpc.") &&
                        !method.name.starts_with("$/") && method.name.find('*') == std::string::npos;
    if (usable) methods.push_back(std::move(method));
  }
  return methods;
}

}  // namespace sluice::core
