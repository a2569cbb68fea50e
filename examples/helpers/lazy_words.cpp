// Made at its first use: `lazy_words FILE [ADDRESS]` knows the words of a file, which it reads when it is
// first asked for one. While that fails each call says so, and the next one tries again.
//
//   echo '{"jsonrpc":"2.0","id":1,"method":"words.contain","params":["sluice"]}' | nc -N 127.0.0.1 PORT
#include <cstdio>
#include <exception>
#include <fstream>
#include <set>
#include <sluice/server.hpp>
#include <sluice/service/lazy.hpp>
#include <string>

namespace {

using Words = std::set<std::string>;

constexpr int kNoWords = 1;

sluice::Result<Words> read_words(const std::string& path, const sluice::WaitLimit& limit) {
  std::ifstream file(path);
  if (!file) return sluice::Error{kNoWords, "The words can't be read"};
  Words words;
  for (std::string word; file >> word; words.insert(word)) {
    if (limit.over()) return limit.error();
  }
  return words;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::fprintf(stderr, "usage: lazy_words FILE [ADDRESS]\n");
    return 2;
  }
  const std::string path = argv[1];
  sluice::Lazy<Words> words([path](const sluice::WaitLimit& limit) { return read_words(path, limit); });
  sluice::Server server({.listen = {argc > 2 ? argv[2] : "tcp://127.0.0.1:0"}});
  server.add("words.contain", {"word"},
             [&](sluice::Call& call, const std::string& word) -> sluice::Result<bool> {
               // Waits while another call reads them, until this call's time limit or cancellation.
               const sluice::Result<Words*> known = words.get(call);
               if (!known) return known.error();
               return known.value()->contains(word);
             });
  return server.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "lazy_words: %s\n", error.what());
  return 1;
}
