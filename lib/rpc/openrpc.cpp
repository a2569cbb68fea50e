#include "lib/rpc/openrpc.hpp"

#include <map>

#include "lib/call/async_handler.hpp"

namespace sluice::core {
namespace {

constexpr std::string_view kDiscover = "rpc.discover";
constexpr std::string_view kMetaSchema =
    "https://raw.githubusercontent.com/open-rpc/meta-schema/master/schema.json";

// A JSON Schema is an object or a boolean; anything else would make the whole document invalid.
Json schema_or_any(const Json& schema) {
  return schema.is_object() || schema.is_boolean() ? schema : Json::object();
}

std::string_view backend_of(const MethodSpec& method) {
  return method.async ? method.async->backend() : std::string_view();
}

Json describe(const MethodSpec& method) {
  Json entry = {{"name", method.name}};
  if (!method.options.summary.empty()) entry["summary"] = method.options.summary;
  entry["paramStructure"] = "either";
  entry["params"] = Json::array();
  for (const ParamDescription& param : method.params) {
    entry["params"].push_back(
        {{"name", param.name}, {"required", param.required}, {"schema", schema_or_any(param.schema)}});
  }
  entry["result"] = {{"name", "result"}, {"schema", schema_or_any(method.result_schema)}};
  if (const auto backend = backend_of(method); !backend.empty()) entry["x-backend"] = backend;
  return entry;
}

Json describe_prefixes(const std::vector<const MethodSpec*>& prefixes) {
  std::map<std::string_view, std::string_view> by_name;
  for (const MethodSpec* prefix : prefixes) by_name.emplace(prefix->name, backend_of(*prefix));
  Json entries = Json::array();
  for (const auto& [name, backend] : by_name) entries.push_back({{"name", name}, {"backend", backend}});
  return entries;
}

Json describe_discover() {
  return {{"name", kDiscover},
          {"summary", "Describes the methods that may be called, as an OpenRPC document"},
          {"paramStructure", "either"},
          {"params", Json::array()},
          {"result", {{"name", "OpenRPC Schema"}, {"schema", {{"$ref", kMetaSchema}}}}}};
}

}  // namespace

std::string openrpc_document(const OpenRpcListing& listing, std::string_view title,
                             std::string_view version) {
  std::map<std::string, Json> by_name;
  for (const MethodSpec* method : listing.methods) by_name.insert_or_assign(method->name, describe(*method));
  by_name.insert_or_assign(std::string(kDiscover), describe_discover());

  Json entries = Json::array();
  for (auto& [name, entry] : by_name) entries.push_back(std::move(entry));
  Json document = {{"openrpc", "1.3.2"},
                   {"info", {{"title", title}, {"version", version}}},
                   {"methods", std::move(entries)}};
  if (!listing.prefixes.empty()) document["x-prefixes"] = describe_prefixes(listing.prefixes);
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace sluice::core
