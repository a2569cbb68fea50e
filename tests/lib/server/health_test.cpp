#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/test_server.hpp"

namespace sluice {
namespace {

using namespace testing;
using std::chrono::milliseconds;

constexpr milliseconds kProbeTime{200};

bool healthy(TestServer& server) {
  const auto health = server.engine().health(kWaitMax);
  return health.ok && health.reason.empty();
}

TEST_CASE("Health: an I/O thread that a handler holds up is named, until it goes on") {
  Gate gate, begun;
  std::string thread;
  const auto hold = [&](Call&, std::string_view, std::string& result) -> std::optional<Error> {
    std::array<char, 16> name{};
    ::pthread_getname_np(::pthread_self(), name.data(), name.size());
    thread = name.data();
    begun.open();
    gate.wait();
    result += "1";
    return std::nullopt;
  };
  TestServer server({text_method("hold", hold, {.inline_io = true})});
  const OpenAtEnd open(gate);
  CHECK(healthy(server));
  RawClient client = server.connect();
  client.send(request(1, "hold"));
  REQUIRE(begun.wait());
  const auto health = server.engine().health(kProbeTime);
  CHECK_FALSE(health.ok);
  CHECK(thread.starts_with("io-"));
  CHECK(health.reason == thread + " makes no progress");
  gate.open();
  CHECK(client.reply()["result"] == 1);
  CHECK(healthy(server));
}

// Blocks a thread of this process in a signal handler until release().
class HeldThread {
 public:
  explicit HeldThread(const std::string& name) {
    REQUIRE(::pipe(ends_) == 0);
    struct sigaction hold {};
    hold.sa_handler = [](int) {
      begun_ = 1;
      char byte = 0;
      while (::read(ends_[0], &byte, 1) < 0 && errno == EINTR) continue;
    };
    hold.sa_flags = SA_RESTART;
    ::sigaction(SIGUSR2, &hold, &before_);
    begun_ = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      std::string comm;
      std::getline(std::ifstream(task.path() / "comm"), comm);
      if (comm != name) continue;
      ::syscall(SYS_tgkill, ::getpid(), std::stoi(task.path().filename()), SIGUSR2);
      found_ = true;
    }
  }
  ~HeldThread() {
    release();
    ::sigaction(SIGUSR2, &before_, nullptr);
    ::close(ends_[0]);
  }
  HeldThread(const HeldThread&) = delete;
  HeldThread& operator=(const HeldThread&) = delete;

  bool found() const { return found_; }
  static bool begun() { return begun_ != 0; }
  void release() {
    if (ends_[1] >= 0) ::close(std::exchange(ends_[1], -1));
  }

 private:
  static inline std::atomic<int> begun_ = 0;  // lock-free: a signal handler sets it
  static inline int ends_[2] = {-1, -1};
  struct sigaction before_ {};
  bool found_ = false;
};

TEST_CASE("Health: the backends' thread is named while it is held up") {
  auto settings = test_settings();
  settings.io_threads = 2;  // beside several, backends have a thread of their own
  TestServer server({}, settings);
  CHECK(healthy(server));
  HeldThread held("backends");
  REQUIRE(held.found());
  REQUIRE(eventually([] { return HeldThread::begun(); }));
  const auto health = server.engine().health(kProbeTime);
  CHECK_FALSE(health.ok);
  CHECK(health.reason == "the backends' thread makes no progress");
  held.release();
  CHECK(eventually([&] { return healthy(server); }));
}

TEST_CASE("Health: workers that are all stuck past their calls' limits are unhealthy, until one is free") {
  Gate first, second;
  auto settings = test_settings();
  settings.workers = 2;
  settings.limits.call_timeout = milliseconds(20);
  TestServer server({gate_method("first", first), gate_method("second", second)}, settings);
  const OpenAtEnd open_first(first), open_second(second);
  RawClient client = server.connect();
  CHECK(code_of(client.call("first")) == -32002);
  CHECK(code_of(client.call("second")) == -32002);
  CHECK(eventually([&] { return !healthy(server); }));
  const auto health = server.engine().health(kProbeTime);
  CHECK(health.reason == "every worker is stuck past its call's time limit");
  CHECK(server.engine().status().abandoned == 2);
  first.open();
  CHECK(eventually([&] { return healthy(server); }));
  second.open();
  CHECK(eventually([&] { return server.idle(); }));
  CHECK(healthy(server));
}

}  // namespace
}  // namespace sluice
