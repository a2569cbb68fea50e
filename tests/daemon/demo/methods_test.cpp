#include "daemon/demo/methods.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

#include "lib/call/active_call.hpp"
#include "lib/include/sluice/params.hpp"

namespace sluice::daemon {
namespace {

using std::chrono::steady_clock;

const MethodSpec& method(std::string_view name) {
  static const std::vector<MethodSpec> methods = demo_methods();
  for (const MethodSpec& each : methods) {
    if (each.name == name) return each;
  }
  throw std::logic_error("no such demo method");
}

struct Outcome {
  std::string text;  // the result's
  Error error;       // code 0: none
};

Outcome run(std::string_view name, std::string_view params, core::ActiveCall& active) {
  Call call(active);
  Outcome outcome;
  if (auto error = method(name).handler(call, params, outcome.text)) outcome.error = *error;
  return outcome;
}

Outcome run(std::string_view name, std::string_view params) {
  core::ActiveCall active;
  return run(name, params, active);
}

std::string result(std::string_view name, std::string_view params) {
  const Outcome outcome = run(name, params);
  return outcome.error.code == 0 ? outcome.text : "error " + std::to_string(outcome.error.code);
}

// Where the params are wrong; empty if they are not, or are as a whole.
std::string wrong_at(std::string_view name, std::string_view params) {
  const Error error = run(name, params).error;
  CHECK(error.code == -32602);
  return error.data.is_object() ? error.data.value("path", "?") : "?";
}

TEST_CASE("demo.echo: params come back byte for byte, null without params") {
  for (const char* name : {"demo.echo", "demo.echo_inline"}) {
    CHECK(result(name, R"({ "a" : 1.0, "a":1e3, "\u0061": 12345678901234567890123 })") ==
          R"({ "a" : 1.0, "a":1e3, "\u0061": 12345678901234567890123 })");
    CHECK(result(name, "") == "null");
  }
  CHECK(method("demo.echo").kind == HandlerKind::blocking);
  CHECK(method("demo.echo_inline").kind == HandlerKind::inline_io);
}

TEST_CASE("demo.sum: by position, of any number of numbers, and by name") {
  CHECK(result("demo.sum", "[1,2]") == "3");
  CHECK(result("demo.sum", "[ 1 , 2 , 3 , -10 ]") == "-4");
  CHECK(result("demo.sum", "[]") == "0");
  CHECK(result("demo.sum", R"({"b":2,"a":1.5})") == "3.5");
  CHECK(wrong_at("demo.sum", "") == "/a");
  CHECK(wrong_at("demo.sum", R"({"a":1})") == "/b");
  CHECK(wrong_at("demo.sum", R"({"a":1,"b":2,"c":3})") == "/c");
  CHECK(wrong_at("demo.sum", R"([1,"2"])") == "/1");
  CHECK(wrong_at("demo.sum", "[null]") == "/0");
  CHECK(wrong_at("demo.sum", "[[1]]") == "/0");
}

TEST_CASE("demo.sum: integers of 64 bits are added exactly or refused") {
  CHECK(result("demo.sum", "[9007199254740993,1]") == "9007199254740994");
  CHECK(result("demo.sum", "[9223372036854775807,9223372036854775807,1]") == "18446744073709551615");
  CHECK(result("demo.sum", "[18446744073709551615,18446744073709551615,-18446744073709551]")
            .starts_with("error"));
  CHECK(result("demo.sum", "[18446744073709551615,9223372036854775807,-9223372036854775808]") ==
        "18446744073709551614");
  CHECK(result("demo.sum", "[-9223372036854775807,-1]") == "-9223372036854775808");
  CHECK(wrong_at("demo.sum", "[-9223372036854775808,-1]") == "");
  CHECK(wrong_at("demo.sum", "[18446744073709551615,1]") == "");
  CHECK(wrong_at("demo.sum", "[1,18446744073709551616]") == "/1");
  CHECK(wrong_at("demo.sum", R"({"a":-9223372036854775809,"b":0.5})") == "/a");
}

TEST_CASE("demo.sum: with a fraction it adds doubles, and is never infinite") {
  CHECK(result("demo.sum", "[0.1,0.2]") == "0.30000000000000004");
  CHECK(result("demo.sum", "[1,0.5]") == "1.5");
  CHECK(result("demo.sum", "[1.0,2.0]") == "3");
  CHECK(result("demo.sum", "[1e300,1]") == "1e+300");
  CHECK(wrong_at("demo.sum", "[1e308,1e308]") == "");
  CHECK(wrong_at("demo.sum", "[1e308,1e308,-1e308,-1e308]") == "");
  CHECK(wrong_at("demo.sum", "[0,1e999]") == "/1");
  CHECK(result("demo.sum", "[1e-999,1]") == "1");
}

TEST_CASE("demo.subtract: by position and by name, exact as demo.sum") {
  CHECK(result("demo.subtract", "[42,23]") == "19");
  CHECK(result("demo.subtract", R"({"subtrahend":23,"minuend":42})") == "19");
  CHECK(result("demo.subtract", "[0,9223372036854775808]") == "-9223372036854775808");
  CHECK(result("demo.subtract", "[1.5,1]") == "0.5");
  CHECK(wrong_at("demo.subtract", "[0,18446744073709551615]") == "");
  CHECK(wrong_at("demo.subtract", "[1]") == "/1");
  CHECK(wrong_at("demo.subtract", "[1,2,3]") == "/2");
  CHECK(wrong_at("demo.subtract", "[1,true]") == "/1");
}

TEST_CASE("demo.sleep, demo.hang, demo.spin: take their time and say so") {
  for (const auto& [name, answer] :
       {std::pair("demo.sleep", R"({"slept_ms":15})"), std::pair("demo.hang", R"({"slept_ms":15})"),
        std::pair("demo.spin", R"({"spun_ms":15})")}) {
    CAPTURE(name);
    const auto begin = steady_clock::now();
    CHECK(result(name, R"({"ms":15})") == answer);
    CHECK(steady_clock::now() - begin >= std::chrono::milliseconds(15));
    CHECK(result(name, "[0]").ends_with(":0}"));
    CHECK(wrong_at(name, R"({"ms":-1})") == "/ms");
    CHECK(wrong_at(name, R"({"ms":1.5})") == "/ms");
    CHECK(wrong_at(name, R"({"ms":"1"})") == "/ms");
    CHECK(wrong_at(name, R"({"ms":99999999999999999999999})") == "/ms");
    CHECK(wrong_at(name, "[3600001]") == "/0");
    CHECK(wrong_at(name, "") == "/ms");
    CHECK(wrong_at(name, "{}") == "/ms");
  }
}

TEST_CASE("demo.sleep and demo.spin end when they are cancelled") {
  for (const char* name : {"demo.sleep", "demo.spin"}) {
    CAPTURE(name);
    core::ActiveCall active;
    std::jthread canceller([&active] { active.cancellation.request(); });
    const Outcome outcome = run(name, R"({"ms":3600000})", active);
    CHECK(outcome.error.code == -32800);
    CHECK(outcome.error.data.value("reason", "") == "cancelled");
  }
}

TEST_CASE("demo.hang goes on when it is cancelled") {
  core::ActiveCall active;
  active.cancellation.request();
  CHECK(run("demo.hang", R"({"ms":1})", active).text == R"({"slept_ms":1})");
}

TEST_CASE("demo.fail: the requested error") {
  const Error error =
      run("demo.fail", R"({"code":-7,"message":"no \u00e9","data":{"b":9007199254740993,"a":[1.5]}})").error;
  CHECK(error.code == -7);
  CHECK(error.message == "no \xC3\xA9");
  CHECK(error.data.dump() == R"({"b":9007199254740993,"a":[1.5]})");
  CHECK(run("demo.fail", R"([1,"m"])").error.data.is_null());
  CHECK(wrong_at("demo.fail", R"({"code":1})") == "/message");
  CHECK(run("demo.fail", R"({"code":10990201005,"message":""})").error.code == 10'990'201'005);
  CHECK(wrong_at("demo.fail", R"({"code":1.5,"message":""})") == "/code");
  CHECK(wrong_at("demo.fail", R"({"code":18446744073709551616,"message":""})") == "/code");
}

TEST_CASE("demo.throw throws") { CHECK_THROWS_AS(run("demo.throw", ""), std::runtime_error); }

TEST_CASE("demo methods: each describes itself") {
  for (const MethodSpec& each : demo_methods()) {
    CAPTURE(each.name);
    CHECK(each.name.starts_with("demo."));
    CHECK(each.handler);
    CHECK_FALSE(each.options.summary.empty());
  }
  CHECK(demo_methods().size() == 9);
  REQUIRE(method("demo.sum").params.size() == 2);
  CHECK(method("demo.sum").params[1].name == "b");
  CHECK(method("demo.sum").params[1].schema.dump() == R"({"type":"number"})");
  CHECK(method("demo.sleep").result_schema.dump() ==
        R"({"type":"object","properties":{"slept_ms":{"type":"integer","minimum":0,"maximum":3600000}},)"
        R"("required":["slept_ms"]})");
}

}  // namespace
}  // namespace sluice::daemon
