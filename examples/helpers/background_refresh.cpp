// Work beside the calls: `background_refresh FILE [ADDRESS]` reads a file ten times a second, and answers
// with what it has last seen there. `refresh.tasks` names the tasks that run.
//
//   echo '{"jsonrpc":"2.0","id":1,"method":"refresh.content","params":[]}' | nc -N 127.0.0.1 PORT
#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <mutex>
#include <sluice/server.hpp>
#include <sluice/service/background_tasks.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

// The text that all calls see. The lock is held to copy or to put it, never to read the file.
class Latest {
 public:
  std::string get() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  void set(std::string text) {
    const std::lock_guard lock(mutex_);
    text_.swap(text);
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) throw std::runtime_error("nothing to read in " + path);
  return line;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::fprintf(stderr, "usage: background_refresh FILE [ADDRESS]\n");
    return 2;
  }
  const std::string path = argv[1];
  Latest latest;
  sluice::BackgroundTasks tasks;  // behind what its tasks use, so that they end before that
  sluice::Server server({.listen = {argc > 2 ? argv[2] : "tcp://127.0.0.1:0"}});
  server.add("refresh.content", {}, [&] { return latest.get(); });
  server.add("refresh.tasks", {}, [&] { return tasks.running(); });
  server.add("refresh.stop", {}, [&] { return tasks.cancel("refresh"); });
  // A run that throws is in the log, and the next one comes at its time.
  tasks.start_periodic("refresh", std::chrono::milliseconds(100),
                       [&](const std::stop_token&) { latest.set(first_line(path)); });
  return server.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "background_refresh: %s\n", error.what());
  return 1;
}
