// A calculator: `calculator [ADDRESS]`, where ADDRESS is tcp://HOST:PORT or unix:///PATH.
//
//   echo '{"jsonrpc":"2.0","id":1,"method":"calc.divide","params":[1,8]}' | nc -N 127.0.0.1 PORT
#include <cmath>
#include <cstdio>
#include <exception>
#include <sluice/server.hpp>
#include <vector>

using sluice::Error;
using sluice::Result;

// Codes of this program's own errors, for its clients.
constexpr int kDivisionByZero = 1;
constexpr int kTooLarge = 2;

// JSON has no infinity, so that a result past a double's range is an error of its own.
Result<double> within_range(double value) {
  if (std::isfinite(value)) return value;
  return Error{kTooLarge, "The result is not a finite number"};
}

Result<double> add(double a, double b) { return within_range(a + b); }
Result<double> subtract(double a, double b) { return within_range(a - b); }
Result<double> multiply(double a, double b) { return within_range(a * b); }

Result<double> divide(double dividend, double divisor) {
  if (divisor == 0) return Error{kDivisionByZero, "Division by zero", {{"dividend", dividend}}};
  return within_range(dividend / divisor);
}

Result<double> mean(const std::vector<double>& values) {
  if (values.empty()) return sluice::invalid_params("/values", "at least one number");
  double sum = 0;
  for (const double value : values) sum += value;
  return within_range(sum / static_cast<double>(values.size()));
}

int main(int argc, char** argv) try {
  sluice::Server server({.listen = {argc > 1 ? argv[1] : "tcp://127.0.0.1:0"}});
  // Nothing here takes longer than handing it to another thread would.
  const sluice::MethodOptions quick{.inline_io = true};
  server.add("calc.add", {"a", "b"}, add, quick);
  server.add("calc.subtract", {"a", "b"}, subtract, quick);
  server.add("calc.multiply", {"a", "b"}, multiply, quick);
  server.add("calc.divide", {"dividend", "divisor"}, divide, quick);
  server.add("calc.mean", {"values"}, mean, {.summary = "The mean of any number of numbers"});
  return server.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "calculator: %s\n", error.what());
  return 1;
}
