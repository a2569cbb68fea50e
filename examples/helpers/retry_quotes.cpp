// Retries: `retry_quotes [ADDRESS]` asks a busy exchange for a quote, which refuses so many times before
// it answers. Callers do not notice, unless it takes too long.
//
//   echo '{"jsonrpc":"2.0","id":1,"method":"quote.get","params":["SLCE",2]}' | nc -N 127.0.0.1 PORT
#include <chrono>
#include <cstdio>
#include <exception>
#include <sluice/server.hpp>
#include <sluice/service/retry.hpp>
#include <string>

namespace {

constexpr int kBusy = 1;
constexpr int kUnknownSymbol = 2;

// In place of something at the other end of a network.
class Exchange {
 public:
  explicit Exchange(int refusals) : refusals_(refusals) {}

  sluice::Result<sluice::Json> quote(const std::string& symbol) {
    if (symbol.empty()) return sluice::Error{kUnknownSymbol, "There is no such symbol"};  // now and later
    if (++asked_ <= refusals_) return sluice::Error{kBusy, "Busy", {{"retry_after_ms", 5}}};
    return sluice::Json{{"symbol", symbol}, {"price", 42}, {"asked", asked_}};
  }

 private:
  const int refusals_;
  int asked_ = 0;
};

}  // namespace

int main(int argc, char** argv) try {
  // One for all calls to that exchange: it is their retries together that must not become too many.
  sluice::RetryPolicy policy({.attempts_max = 4,
                              .backoff_base = std::chrono::milliseconds(5),
                              .backoff_max = std::chrono::milliseconds(500)});
  sluice::Server server({.listen = {argc > 1 ? argv[1] : "tcp://127.0.0.1:0"}});
  server.add("quote.get", {"symbol", "refusals"},
             [&](sluice::Call& call, const std::string& symbol, int refusals) {
               Exchange exchange(refusals);
               return sluice::retry(policy, call, [&] { return exchange.quote(symbol); });
             });
  return server.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "retry_quotes: %s\n", error.what());
  return 1;
}
