#include "lib/include/sluice/params.hpp"

#include <doctest/doctest.h>

#include <array>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/lib/api/typed_answer.hpp"

namespace sluice {

struct Pixel {
  int x = 0;
  int y = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Pixel, x, y)

struct Red {
  std::string name;
};
void to_json(Json& json, const Red& colour) { json = colour.name; }
void from_json(const Json& json, Red& colour) {
  colour.name = json.get<std::string>();
  if (colour.name != "red") throw std::invalid_argument("not red");
}
template <>
struct SchemaOf<Red> {
  static Json schema() { return {{"enum", {"red"}}}; }
  static std::string expected() { return "the colour red"; }
};

namespace {

TEST_CASE("params: integers are checked against their type's range") {
  CHECK(answer(identity<std::uint8_t>(), "[255]") == "255");
  CHECK(answer(identity<std::uint8_t>(), R"({"a":300})") == "-32602 /a: an integer from 0 to 255");
  CHECK(answer(identity<std::uint8_t>(), "[-1]") == "-32602 /0: an integer from 0 to 255");
  CHECK(answer(identity<std::int8_t>(), "[-129]") == "-32602 /0: an integer from -128 to 127");
  CHECK(answer(identity<Within<1, 10>>(), "[10]") == "10");
  CHECK(answer(identity<Within<1, 10>>(), "[11]") == "-32602 /0: an integer from 1 to 10");
  CHECK(answer(identity<std::uint32_t>(), "[true]") == "-32602 /0: an integer from 0 to 4294967295");
  CHECK(answer(identity<std::uint32_t>(), "[\"1\"]") == "-32602 /0: an integer from 0 to 4294967295");
  CHECK(answer(identity<std::uint32_t>(), "[null]") == "-32602 /0: an integer from 0 to 4294967295");
}

TEST_CASE("params: 64-bit integers stay exact to the last digit") {
  CHECK(answer(identity<std::int64_t>(), "[9007199254740993]") == "9007199254740993");
  CHECK(answer(identity<std::int64_t>(), "[-9223372036854775808]") == "-9223372036854775808");
  CHECK(answer(identity<std::uint64_t>(), "[18446744073709551615]") == "18446744073709551615");
  CHECK(answer(identity<std::uint64_t>(), "[18446744073709551616]").starts_with("-32602 /0"));
  CHECK(answer(identity<std::int64_t>(), "[9223372036854775808]").starts_with("-32602 /0"));
  CHECK(answer(identity<std::int64_t>(), "[123456789012345678901234567890]").starts_with("-32602 /0"));
}

TEST_CASE("params: an integer may be written with a fraction or an exponent") {
  const auto method = identity<std::int64_t>();
  CHECK(answer(method, "[1.0]") == "1");
  CHECK(answer(method, "[-0]") == "0");
  CHECK(answer(method, "[1e3]") == "1000");
  CHECK(answer(method, "[-1.50E+1]") == "-15");
  CHECK(answer(method, "[1200e-2]") == "12");
  CHECK(answer(method, "[9007199254740993.0]") == "9007199254740993");
  CHECK(answer(method, "[0e999999999999999999999]") == "0");
  CHECK(answer(identity<std::uint64_t>(), "[-0.0]") == "0");
  for (const char* no :
       {"[1.5]", "[1e-1]", "[1e19]", "[1e99999999999999999999]", "[1e-99999999999999999999]"}) {
    CAPTURE(no);
    CHECK(answer(method, no).starts_with("-32602 /0"));
  }
}

TEST_CASE("params: floats read and write their shortest text") {
  CHECK(answer(identity<double>(), "[0.1]") == "0.1");
  CHECK(answer(identity<double>(), "[1e300]") == "1e+300");
  CHECK(answer(identity<double>(), "[-0.0]") == "-0");
  CHECK(answer(identity<double>(), "[3]") == "3");
  CHECK(answer(identity<float>(), "[0.1]") == "0.1");
  CHECK(answer(identity<double>(), "[-1.7976931348623157e308]") == "-1.7976931348623157e+308");
}

TEST_CASE("params: a number that overflows to infinity is refused, one that underflows is zero") {
  const std::string expected = "-32602 /0: a number in the range of a 64-bit float";
  CHECK(answer(identity<double>(), "[1e400]") == expected);
  CHECK(answer(identity<double>(), "[-1e99999999999999999999]") == expected);
  CHECK(answer(identity<double>(), "[" + std::string(400, '9') + "]") == expected);
  CHECK(answer(identity<double>(), "[\"1\"]") == expected);
  CHECK(answer(identity<float>(), "[1e39]") == "-32602 /0: a number in the range of a 32-bit float");
  CHECK(answer(identity<double>(), "[1e-400]") == "0");
  CHECK(answer(identity<double>(), "[-0.00001e-400]") == "-0");
  CHECK(answer(identity<double>(), "[0." + std::string(400, '0') + "1]") == "0");
}

TEST_CASE("params: booleans and strings") {
  CHECK(answer(identity<bool>(), "[true]") == "true");
  CHECK(answer(identity<bool>(), "[false]") == "false");
  CHECK(answer(identity<bool>(), "[0]") == "-32602 /0: a boolean");
  CHECK(answer(identity<std::string>(), R"(["plain"])") == R"("plain")");
  CHECK(answer(identity<std::string>(), R"([""])") == R"("")");
  CHECK(answer(identity<std::string>(), R"(["a\"\\\n\u00e9\ud83d\ude00"])") ==
        "\"a\\\"\\\\\\n\xC3\xA9\xF0\x9F\x98\x80\"");
  CHECK(answer(identity<std::string>(), "[1]") == "-32602 /0: a string");
}

TEST_CASE("params: containers, and the position of values that do not fit") {
  CHECK(answer(identity<std::vector<int>>(), "[[1, 2,3]]") == "[1,2,3]");
  CHECK(answer(identity<std::vector<int>>(), "[[]]") == "[]");
  CHECK(answer(identity<std::vector<bool>>(), "[[true,false]]") == "[true,false]");
  CHECK(answer(identity<std::vector<int>>(), "[{}]") == "-32602 /0: an array");
  CHECK(answer(identity<std::vector<std::uint8_t>>(), R"({"a":[1,300]})") ==
        "-32602 /a/1: an integer from 0 to 255");
  CHECK(answer(identity<std::array<int, 2>>(), "[[1,2]]") == "[1,2]");
  CHECK(answer(identity<std::array<int, 2>>(), "[[1]]") == "-32602 /0: an array of 2 values");
  CHECK(answer(identity<std::array<int, 2>>(), "[[1,2,3]]") == "-32602 /0: an array of 2 values");
  using Map = std::map<std::string, std::vector<bool>>;
  CHECK(answer(identity<Map>(), R"([{"x":[true],"\u0062":[],"x":[false]}])") == R"({"b":[],"x":[false]})");
  CHECK(answer(identity<Map>(), R"({"a":{"x/y":[true,0]}})") == "-32602 /a/x~1y/1: a boolean");
  CHECK(answer(identity<Map>(), "[[]]") == "-32602 /0: an object");
}

TEST_CASE("params: an optional may be absent or null") {
  const auto method =
      typed_method("sum", {"a", "b"}, [](int a, std::optional<int> b) { return a + b.value_or(10); });
  CHECK(answer(method, "[1]") == "11");
  CHECK(answer(method, "[1,null]") == "11");
  CHECK(answer(method, R"({"a":1})") == "11");
  CHECK(answer(method, R"({"a":1,"b":2})") == "3");
  CHECK(answer(method, R"({"a":1,"b":"x"})") ==
        "-32602 /b: an integer from -2147483648 to 2147483647, or null");
  CHECK(answer(identity<std::optional<std::vector<int>>>(), "[[1,false]]").starts_with("-32602 /0/1"));
  CHECK(answer(identity<std::optional<int>>(), "") == "null");
}

TEST_CASE("params: Json keeps the order of keys, and the last of duplicate ones") {
  const auto method = identity<Json>();
  CHECK(answer(method, R"([{"b":1,"a":[1.5,"x",null],"c":{}}])") == R"({"b":1,"a":[1.5,"x",null],"c":{}})");
  CHECK(answer(method, R"([{"b":1,"a":2,"b":3,"c":4,"b":5,"a":6}])") == R"({"b":5,"a":6,"c":4})");
  CHECK(answer(method, R"([[9007199254740993,18446744073709551615]])") ==
        "[9007199254740993,18446744073709551615]");
  CHECK(answer(method, R"({"a":{"x":[0,1e999]}})").starts_with("-32602 /a/x/1: "));
  CHECK(answer(method, "").starts_with("-32602 /a: "));
}

TEST_CASE("params: an object of very many keys is read in linear time") {
  std::string params = "[{";
  for (int i = 0; i < 200'000; ++i)
    params += "\"key" + std::to_string(i % 150'000) + "\":" + std::to_string(i) + ",";
  params.back() = '}';
  params += "]";
  // With Json::parse() this takes minutes.
  const auto method = typed_method("last", {"a"}, [](const Json& a) { return a.back(); });
  CHECK(answer(method, params) == "149999");
}

TEST_CASE("params: the problem that a from_json finds is reported, in few words") {
  CHECK(answer(identity<Pixel>(), R"([{"x":1,"y":"2"}])") ==
        "-32602 /0: a value that the method can read: type must be number, but is string");
  CHECK(answer(identity<std::vector<std::optional<Pixel>>>(), R"([[{"y":1}]])") ==
        "-32602 /0/0: a value that the method can read: key 'x' not found");
  const std::string longest = detail::with_reason("a", std::string(199, 'x') + "\u00e9");
  CHECK(longest == "a: " + std::string(199, 'x') + "...");
}

TEST_CASE("params: types with from_json and to_json") {
  CHECK(answer(identity<Pixel>(), R"([{"x":1,"y":2}])") == R"({"x":1,"y":2})");
  CHECK(answer(identity<Pixel>(), R"([{"x":1}])") ==
        "-32602 /0: a value that the method can read: key 'y' not found");
  CHECK(answer(identity<Pixel>(), "").starts_with("-32602 /a: a value that"));
  CHECK(answer(identity<std::vector<Pixel>>(), R"([[{"x":1,"y":2},7]])").starts_with("-32602 /0/1: "));
  CHECK(answer(identity<Red>(), R"(["red"])") == R"("red")");
  CHECK(answer(identity<Red>(), R"({"a":"blue"})") == "-32602 /a: the colour red");
}

}  // namespace
}  // namespace sluice
