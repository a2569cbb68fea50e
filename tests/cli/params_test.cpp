#include "cli/params.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <vector>

namespace sluice::client {
namespace {

Result<std::string> params_of(std::vector<std::string> words, const std::string& input = "") {
  std::istringstream stream(input);
  return params_from_words(words, stream);
}

}  // namespace

TEST_CASE("params: no words are empty params") { CHECK(params_of({}).value().empty()); }

TEST_CASE("params: JSON text goes through unchanged") {
  CHECK(params_of({"[1.0, 1e3,9007199254740993]"}).value() == "[1.0, 1e3,9007199254740993]");
  CHECK(params_of({" {\"b\":1,\"a\":\"\\u0041\"} "}).value() == "{\"b\":1,\"a\":\"\\u0041\"}");
}

TEST_CASE("params: pairs keep JSON values as they are and quote the rest") {
  CHECK(params_of({"n=1.00", "t=true", "s=hello world", "l=[1, 2]", "q=\"5\"", "e=", "x=a=b", "z=01"})
            .value() ==
        R"({"n":1.00,"t":true,"s":"hello world","l":[1, 2],"q":"5","e":"","x":"a=b","z":"01"})");
  CHECK(params_of({"k\"ey=1"}).value() == R"({"k\"ey":1})");
}

TEST_CASE("params: values become an array, JSON as it is and the rest quoted") {
  CHECK(params_of({"-1", "2.50", "true", "hello world", "[1, 2]", "\"a=b\"", "{}"}).value() ==
        R"([-1,2.50,true,"hello world",[1, 2],"a=b",{}])");
  CHECK(params_of({"-x"}).value() == R"(["-x"])");
  CHECK(params_of({"1", "[2"}).error().message.find("'[2'") != std::string::npos);
  CHECK(params_of({"1", "-"}).error().message.find("stdin") != std::string::npos);
  CHECK(params_of({"1", "a=2"}).error().message.find("'a=2'") != std::string::npos);
}

TEST_CASE("params: a dash reads the input to its end") {
  CHECK(params_of({"-"}, "\n[1,\n2]\n").value() == "[1,\n2]");
  CHECK_FALSE(params_of({"-"}, "").has_value());
  CHECK_FALSE(params_of({"-"}, "5").has_value());
}

TEST_CASE("params: an invalid word is named") {
  CHECK(params_of({"[1,2"}).error().message.find("end too early") != std::string::npos);
  CHECK(params_of({"[1,x]"}).error().message.find("at byte 3") != std::string::npos);
  CHECK(params_of({"a=1", "b"}).error().message.find("'b'") != std::string::npos);
  CHECK(params_of({"a=1", "a=2"}).error().message.find("twice") != std::string::npos);
  CHECK(params_of({"[1]", "[2]"}).error().message.find("[2]") != std::string::npos);
  CHECK_FALSE(params_of({"=1"}).has_value());
}

}  // namespace sluice::client
