#include "lib/rpc/openrpc.hpp"

#include <doctest/doctest.h>

#include <set>

#include "lib/call/async_handler.hpp"
#include "lib/include/sluice/typed.hpp"

namespace sluice::core {
namespace {

std::vector<const MethodSpec*> pointers_to(const std::vector<MethodSpec>& methods) {
  std::vector<const MethodSpec*> pointers;
  for (const MethodSpec& method : methods) pointers.push_back(&method);
  return pointers;
}

Json document_of(const std::vector<MethodSpec>& methods, const std::vector<MethodSpec>& prefixes = {}) {
  return Json::parse(openrpc_document({pointers_to(methods), pointers_to(prefixes)}, "a title", "1.2.3"));
}

struct BackendOf final : AsyncHandler {
  explicit BackendOf(std::string backend) : name(std::move(backend)) {}
  void start(ActiveCall&, boost::asio::io_context&) override {}
  std::string_view backend() const override { return name; }
  const std::string name;
};

MethodSpec method_of_backend(std::string name, std::string backend) {
  MethodSpec spec;
  spec.name = std::move(name);
  spec.kind = HandlerKind::async;
  spec.async = std::make_shared<BackendOf>(std::move(backend));
  return spec;
}

std::vector<MethodSpec> some_methods() {
  return {
      typed_method("z.last", {"a", "b"}, [](int a, std::optional<double> b) { return a + b.value_or(0); },
                   {.summary = "adds"}),
      json_method("a.first", [](const Json& params) { return params; }),
      typed_method("rpcx", {}, [] {}),
  };
}

void check_members(const Json& object, const std::set<std::string>& required,
                   const std::set<std::string>& allowed) {
  for (const auto& name : required) CHECK_MESSAGE(object.contains(name), name);
  for (const auto& [name, value] : object.items()) CHECK_MESSAGE(allowed.contains(name), name);
}

// What the OpenRPC meta-schema asks of a content descriptor.
void check_descriptor(const Json& descriptor) {
  check_members(descriptor, {"name", "schema"},
                {"name", "schema", "required", "summary", "description", "deprecated"});
  CHECK(descriptor["name"].is_string());
  CHECK(descriptor["schema"].is_object());
}

// What the OpenRPC meta-schema, and the text of the specification, ask of a method.
void check_method(const Json& method) {
  check_members(method, {"name", "params", "result"},
                {"name", "summary", "paramStructure", "params", "result"});
  CHECK(std::set<std::string>{"by-position", "by-name", "either"}.contains(method["paramStructure"]));
  check_descriptor(method["result"]);
  std::set<std::string> names;
  bool optional_seen = false;
  for (const Json& param : method["params"]) {
    check_descriptor(param);
    CHECK(names.insert(param["name"]).second);
    const bool required = param.value("required", false);
    CHECK_FALSE((required && optional_seen));
    optional_seen = optional_seen || !required;
  }
}

TEST_CASE("OpenRPC: the document has the shape that the meta-schema asks for") {
  const Json document = document_of(some_methods());
  check_members(document, {"openrpc", "info", "methods"}, {"openrpc", "info", "methods"});
  CHECK(document["openrpc"] == "1.3.2");
  CHECK(document["info"].dump() == R"({"title":"a title","version":"1.2.3"})");
  for (const Json& method : document["methods"]) check_method(method);
}

TEST_CASE("OpenRPC: methods are sorted by name, rpc.discover among them, each once") {
  std::vector<std::string> names;
  const Json document = document_of(some_methods());
  for (const Json& method : document["methods"]) names.push_back(method["name"]);
  CHECK(names == std::vector<std::string>{"a.first", "rpc.discover", "rpcx", "z.last"});
  CHECK(document_of({})["methods"].size() == 1);
}

TEST_CASE("OpenRPC: a method is described from its C++ types") {
  const Json method = document_of(some_methods())["methods"][3];
  CHECK(method["summary"] == "adds");
  CHECK(
      method["params"].dump() ==
      R"([{"name":"a","required":true,"schema":{"type":"integer","minimum":-2147483648,"maximum":2147483647}},)"
      R"({"name":"b","required":false,"schema":{"anyOf":[{"type":"number"},{"type":"null"}]}}])");
  CHECK(method["result"].dump() == R"({"name":"result","schema":{"type":"number"}})");
}

TEST_CASE("OpenRPC: a backend's method names its backend, and others do not") {
  const Json document =
      document_of({method_of_backend("b.add", "calc"), method_of_backend("b.own", ""), some_methods()[1]});
  CHECK(document["methods"][0].contains("x-backend") == false);
  CHECK(document["methods"][1]["x-backend"] == "calc");
  CHECK(document["methods"][2].contains("x-backend") == false);
}

TEST_CASE("OpenRPC: prefixes are listed by name with their backends, and not at all without any") {
  CHECK_FALSE(document_of(some_methods()).contains("x-prefixes"));
  const Json document =
      document_of({}, {method_of_backend("eth_*", "node"), method_of_backend("calc.*", "calc")});
  CHECK(document["x-prefixes"].dump() ==
        R"([{"name":"calc.*","backend":"calc"},{"name":"eth_*","backend":"node"}])");
  CHECK(document["methods"].size() == 1);
}

TEST_CASE("OpenRPC: a schema that is not one does not spoil the document") {
  MethodSpec method;
  method.name = "odd";
  method.params = {{"p", Json(nullptr)}};
  method.result_schema = "nonsense";
  const Json entry = document_of({method})["methods"][0];
  CHECK(entry["params"][0]["schema"].dump() == "{}");
  CHECK(entry["result"]["schema"].dump() == "{}");
}

}  // namespace
}  // namespace sluice::core
