// Stages that work at the same time: `pipeline_grep FILE [ADDRESS]` looks for a word in the lines of a file.
// One thread reads lines, one looks for the word, and the call's own collects what was found, in order.
//
//   echo '{"jsonrpc":"2.0","id":1,"method":"text.grep","params":["sluice"]}' | nc -N 127.0.0.1 PORT
#include <cstdio>
#include <exception>
#include <fstream>
#include <optional>
#include <sluice/server.hpp>
#include <sluice/service/pipeline.hpp>
#include <string>
#include <utility>
#include <vector>

namespace {

using Lines = std::vector<std::string>;

constexpr int kUnreadable = 1;
constexpr std::size_t kFoundMax = 1000;

struct Line {
  std::string text;
  bool found = false;
};

sluice::Result<Lines> grep(const std::string& path, const std::string& word, const sluice::WaitLimit& limit) {
  std::ifstream file(path);  // before the pipeline, whose threads have ended when it is closed
  if (!file) return sluice::Error{kUnreadable, "The file can't be read"};
  sluice::Pipeline pipeline(limit);
  auto& lines = pipeline.source({.capacity = 64}, [&]() -> std::optional<std::string> {
    std::string line;
    if (!std::getline(file, line)) return std::nullopt;
    return line;
  });
  auto& looked_at = pipeline.stage(lines, {.capacity = 64}, [&](std::string line) {
    const bool found = line.find(word) != std::string::npos;
    return Line{std::move(line), found};
  });
  Lines found;
  const auto error = pipeline.drain(looked_at, [&](Line line) -> std::optional<sluice::Error> {
    if (!line.found) return std::nullopt;
    if (found.size() == kFoundMax) return sluice::invalid_params("/word", "a word that is in fewer lines");
    found.push_back(std::move(line.text));
    return std::nullopt;
  });
  if (error) return *error;
  return found;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::fprintf(stderr, "usage: pipeline_grep FILE [ADDRESS]\n");
    return 2;
  }
  const std::string path = argv[1];
  sluice::Server server({.listen = {argc > 2 ? argv[2] : "tcp://127.0.0.1:0"}});
  // Each call has two threads of its own.
  server.add("text.grep", {"word"},
             [&](sluice::Call& call, const std::string& word) { return grep(path, word, call); },
             {.max_concurrent = 8});
  return server.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "pipeline_grep: %s\n", error.what());
  return 1;
}
