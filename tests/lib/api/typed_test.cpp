#include "lib/include/sluice/typed.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/lib/api/typed_answer.hpp"

namespace sluice {

struct Point {
  int x = 0;
  int y = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Point, x, y)

struct Colour {
  std::string name;
};
void to_json(Json& json, const Colour& colour) { json = colour.name; }
void from_json(const Json& json, Colour& colour) { colour.name = json.get<std::string>(); }
template <>
struct SchemaOf<Colour> {
  static Json schema() { return {{"enum", {"red"}}}; }
  static std::string expected() { return "the colour red"; }
};

namespace {

double halve(double x) { return x / 2; }

TEST_CASE("typed: params come by position and by name") {
  const auto method = typed_method("subtract", {"a", "b"}, [](int a, int b) { return a - b; });
  CHECK(answer(method, "[5,3]") == "2");
  CHECK(answer(method, "[ 5 ,\n3 ]") == "2");
  CHECK(answer(method, R"({"b":3,"a":5})") == "2");
  CHECK(answer(method, R"({ "\u0062" : 3 , "a" : 5 })") == "2");
}

TEST_CASE("typed: of duplicate names the last counts") {
  CHECK(answer(identity<int>(), R"({"a":1,"a":"x","a":3})") == "3");
}

TEST_CASE("typed: absent, unknown and surplus params are refused with their position") {
  const auto method = typed_method("add", {"a", "b"}, [](int a, int b) { return a + b; });
  const std::string number = "an integer from -2147483648 to 2147483647";
  CHECK(answer(method, "") == "-32602 /a: " + number + " (it is missing)");
  CHECK(answer(method, "[]") == "-32602 /0: " + number + " (it is missing)");
  CHECK(answer(method, "[1]") == "-32602 /1: " + number + " (it is missing)");
  CHECK(answer(method, R"({"a":1})") == "-32602 /b: " + number + " (it is missing)");
  CHECK(answer(method, "[1,2,3]") == "-32602 /2: at most 2 params");
  CHECK(answer(method, R"({"a":1,"b":2,"c":3})") == "-32602 /c: one of the names a, b");
  CHECK(answer(method, R"({"a":1,"x/y~z":2})") == "-32602 /x~1y~0z: one of the names a, b");
  const auto none = typed_method("none", {}, [] { return true; });
  CHECK(answer(none, "") == "true");
  CHECK(answer(none, "[]") == "true");
  CHECK(answer(none, "{}") == "true");
  CHECK(answer(none, "[1]") == "-32602 /0: no params");
  CHECK(answer(none, R"({"a":1})") == "-32602 /a: no params");
}

TEST_CASE("typed: a client's long name does not make a long error") {
  const std::string params = "{\"" + std::string(100000, 'n') + "\":1}";
  CHECK(answer(identity<int>(), params).size() < 200);
}

TEST_CASE("typed: every kind of callable, with and without the call") {
  const std::function<int(int)> twice = [](int a) { return 2 * a; };
  CHECK(answer(typed_method("f", {"a"}, twice), "[4]") == "8");
  CHECK(answer(typed_method("f", {"x"}, halve), "[5]") == "2.5");
  CHECK(answer(typed_method("f", {"x"}, &halve), "[5]") == "2.5");
  const auto with_call = [](Call& call, const std::string& text) {
    return text + (call.cancelled() ? "!" : ".");
  };
  CHECK(answer(typed_method("f", {"text"}, with_call), R"(["hm"])") == R"("hm.")");
  CHECK(answer(typed_method("f", {"a"}, [kept = std::make_unique<int>(3)](int a) { return a + *kept; }),
               "[1]") == "4");
}

TEST_CASE("typed: results") {
  CHECK(answer(typed_method("f", {}, [] {}), "") == "null");
  CHECK(answer(typed_method("f", {}, [] { return "text"; }), "") == R"("text")");
  CHECK(answer(typed_method("f", {}, [] { return std::optional<int>(); }), "") == "null");
  CHECK(answer(typed_method("f", {}, [] { return std::string("\xFF\x01"); }), "") ==
        "\"\xEF\xBF\xBD\\u0001\"");
  CHECK(answer(typed_method("f", {},
                            [] {
                              return Json{{"text", "\xFF"}};
                            }),
               "") == "{\"text\":\"\xEF\xBF\xBD\"}");
  CHECK(answer(typed_method("f", {}, [] { return std::numeric_limits<std::uint64_t>::max(); }), "") ==
        "18446744073709551615");
  const auto result = [](bool good) -> Result<int> {
    if (good) return 1;
    return Error{7, "bad luck"};
  };
  CHECK(answer(typed_method("f", {"good"}, result), "[true]") == "1");
  CHECK(answer(typed_method("f", {"good"}, result), "[false]") == "7 bad luck");
}

TEST_CASE("typed: a param that the callable itself refuses is named as the client named it") {
  const auto refuse = [](const std::string& path, int) -> Result<int> {
    return invalid_params(path, "other");
  };
  const auto method = typed_method("f", {"path", "pa"}, refuse);
  CHECK(answer(method, R"({"path":"/pa/x","pa":1})") == "-32602 /pa/x: other");
  CHECK(answer(method, R"(["/pa/x",1])") == "-32602 /1/x: other");
  CHECK(answer(method, R"(["/path",1])") == "-32602 /0: other");
  CHECK(answer(method, R"(["/else",1])") == "-32602 /else: other");
  CHECK(answer(method, R"(["",1])") == "-32602 : other");
}

TEST_CASE("typed: a result that JSON can't hold is an internal error, never null") {
  const double infinite = std::numeric_limits<double>::infinity();
  CHECK(answer(typed_method("f", {}, [=] { return infinite; }), "") == "-32603 Internal error");
  CHECK(answer(typed_method("f", {}, [=] { return std::nan(""); }), "") == "-32603 Internal error");
  CHECK(answer(typed_method("f", {},
                            [=] {
                              return std::vector{1.0, infinite};
                            }),
               "") == "-32603 Internal error");
  CHECK(answer(typed_method("f", {},
                            [=] {
                              return Json{{"x", {1, infinite}}};
                            }),
               "") == "-32603 Internal error");
  CHECK(answer(typed_method("f", {}, [] { return Json(Json::value_t::discarded); }), "") ==
        "-32603 Internal error");
}

TEST_CASE("typed: a method describes itself from its types") {
  const auto callable = [](std::uint8_t, Colour, std::vector<double>, std::optional<std::string>) {
    return std::map<std::string, std::array<bool, 2>>();
  };
  const auto method = typed_method("f", {"count", "colour", "factors", "note"}, callable,
                                   {.inline_io = true, .summary = "what it does"});
  CHECK(method.name == "f");
  CHECK(method.kind == HandlerKind::inline_io);
  CHECK(method.options.summary == "what it does");
  REQUIRE(method.params.size() == 4);
  CHECK(method.params[0].name == "count");
  CHECK(method.params[0].schema.dump() == R"({"type":"integer","minimum":0,"maximum":255})");
  CHECK(method.params[1].schema.dump() == R"({"enum":["red"]})");
  CHECK(method.params[2].schema.dump() == R"({"type":"array","items":{"type":"number"}})");
  CHECK(method.params[3].schema.dump() == R"({"anyOf":[{"type":"string"},{"type":"null"}]})");
  CHECK(method.params[2].required);
  CHECK_FALSE(method.params[3].required);
  CHECK(
      method.result_schema.dump() ==
      R"({"type":"object","additionalProperties":{"type":"array","items":{"type":"boolean"},"minItems":2,"maxItems":2}})");
  CHECK(typed_method("f", {}, [] {}).result_schema.dump() == R"({"type":"null"})");
  CHECK(typed_method("f", {}, []() -> Result<bool> { return true; }).result_schema.dump() ==
        R"({"type":"boolean"})");
  CHECK(typed_method("f", {"p"}, [](Point) {}).params[0].schema.dump() == "{}");
}

TEST_CASE("typed: the deprecated option for inline handlers still holds") {
  const MethodOptions deprecated{std::nullopt, 0, false, true};
  CHECK(MethodOptions{}.kind() == HandlerKind::blocking);
  CHECK(deprecated.kind() == HandlerKind::inline_io);
}

TEST_CASE("typed: names that don't fit the parameters are refused at once") {
  const auto two = [](int, int) {};
  CHECK_THROWS_AS(typed_method("f", {"a"}, two), std::invalid_argument);
  CHECK_THROWS_AS(typed_method("f", {"a", "a"}, two), std::invalid_argument);
  CHECK_THROWS_AS(typed_method("f", {"a", ""}, two), std::invalid_argument);
  CHECK_THROWS_AS(typed_method("f", {"a", "b"}, [](std::optional<int>, int) {}), std::invalid_argument);
}

TEST_CASE("json: a method that takes its params whole") {
  const auto echo = json_method("echo", [](Call&, const Json& params) { return params; });
  CHECK(answer(echo, R"({"b":[1,2],"a":null})") == R"({"b":[1,2],"a":null})");
  CHECK(answer(echo, "") == "null");
  CHECK(answer(echo, R"([0,{"x":1e999}])").starts_with("-32602 /1/x: "));
  CHECK(echo.kind == HandlerKind::blocking);
  const auto size = json_method("size", [](const Json& params) -> Result<Json> {
    if (params.is_null()) return invalid_params("", "something");
    return Json(params.size());
  });
  CHECK(answer(size, "[1,2]") == "2");
  CHECK(answer(size, "") == "-32602 : something");
}

TEST_CASE("errors of handlers have code, message and reason of the protocol") {
  const Error wrong = invalid_params("/a", "a number");
  CHECK(wrong.code == -32602);
  CHECK(wrong.message == "Invalid params");
  CHECK(wrong.data.dump() == R"({"reason":"invalid_params","path":"/a","expected":"a number"})");
  CHECK(cancelled().code == -32800);
  CHECK(cancelled().message == "Request cancelled");
  CHECK(cancelled().data.dump() == R"({"reason":"cancelled"})");
}

}  // namespace
}  // namespace sluice
