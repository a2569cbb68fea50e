#include "lib/transport/listen/listening_socket.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/test_server.hpp"

namespace sluice::core {
namespace {

using testing::RawClient;
using testing::TemporaryFolder;

ListenSettings at(const std::string& path, std::uint32_t mode = 0660) {
  ListenSettings settings;
  settings.address = "unix://" + path;
  settings.mode = mode;
  return settings;
}

bool exists(const std::string& path) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0;
}

std::uint32_t mode_of(const std::string& path) {
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  return found.st_mode & 07777;
}

Descriptor bind_to(const std::string& path, int type, bool listening) {
  Descriptor socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
  if (listening) REQUIRE(::listen(socket.get(), 1) == 0);
  return socket;
}

bool can_connect(const std::string& address) {
  try {
    RawClient client(address);
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

std::string failure(const ListenSettings& settings) {
  try {
    const auto opened = ListeningSocket::open(settings);
    return "";
  } catch (const std::system_error& error) {
    return error.what();
  }
}

TEST_CASE("ListeningSocket: tells the port that the system chose") {
  ListenSettings settings;
  settings.address = "tcp://127.0.0.1:0";
  const auto socket = ListeningSocket::open(settings);
  CHECK(socket->address().port != 0);
  CHECK_FALSE(socket->inherited());
  CHECK(can_connect(socket->address().to_string()));
}

TEST_CASE("ListeningSocket: a port that is listened on is refused by name, and free again afterwards") {
  ListenSettings settings;
  settings.address = "tcp://127.0.0.1:0";
  auto first = ListeningSocket::open(settings);
  settings.address = first->address().to_string();
  const std::string why = failure(settings);
  CHECK(why.find(settings.address) != std::string::npos);
  { const RawClient connected(settings.address); }
  first.reset();
  CHECK(failure(settings) == "");
}

TEST_CASE("ListeningSocket: refuses a text that is not an address, and a host that is not this machine's") {
  ListenSettings settings;
  settings.address = "nonsense";
  CHECK_THROWS_AS(ListeningSocket::open(settings), std::invalid_argument);
  settings.address = "tcp://192.0.2.1:0";
  CHECK(failure(settings).find("192.0.2.1") != std::string::npos);
  settings.address = "tcp://no.such.host.invalid:0";
  CHECK(failure(settings).find("no.such.host.invalid") != std::string::npos);
}

TEST_CASE("ListeningSocket: a Unix socket has the mode that was asked for, and goes with its lock") {
  TemporaryFolder folder;
  const std::string path = folder.file("s");
  for (const std::uint32_t mode : {0600u, 0660u, 0666u, 0777u}) {
    const auto socket = ListeningSocket::open(at(path, mode));
    CHECK(mode_of(path) == mode);
    CHECK(exists(path + ".lock"));
    CHECK(can_connect("unix://" + path));
  }
  CHECK_FALSE(exists(path));
  CHECK_FALSE(exists(path + ".lock"));
}

TEST_CASE(
    "ListeningSocket: a mode that can't be changed without a free descriptor is an error, not a foreign "
    "file") {
  TemporaryFolder folder;
  const std::string path = folder.file("s");
  const auto socket = ListeningSocket::open(at(path, 0600));
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const rlimit none{0, limit.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  bool refused = false;
  try {
    socket->change_mode(0660);
  } catch (const std::system_error& error) {
    refused = error.code() == std::errc::too_many_files_open;
  }
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(refused);
  CHECK(mode_of(path) == 0600);
  CHECK(socket->change_mode(0660));
  CHECK(mode_of(path) == 0660);
}

TEST_CASE("ListeningSocket: a socket without a listening process is taken over") {
  TemporaryFolder folder;
  const std::string path = folder.file("s");
  { const Descriptor dead = bind_to(path, SOCK_STREAM, true); }
  REQUIRE(exists(path));
  // So is the lock file of a process that has ended.
  std::ofstream(path + ".lock") << "";
  const auto socket = ListeningSocket::open(at(path));
  CHECK(can_connect("unix://" + path));
}

TEST_CASE("ListeningSocket: a live server's socket is never taken, with its lock file or without") {
  TemporaryFolder folder;
  const std::string path = folder.file("s");
  const auto alive = ListeningSocket::open(at(path));
  CHECK(failure(at(path)).find("in use") != std::string::npos);
  CHECK(can_connect("unix://" + path));
  REQUIRE(::unlink((path + ".lock").c_str()) == 0);
  CHECK(failure(at(path)).find("in use") != std::string::npos);
  CHECK(can_connect("unix://" + path));
  CHECK_FALSE(exists(path + ".lock"));
}

TEST_CASE("ListeningSocket: a live socket of a process without lock files is not taken over") {
  TemporaryFolder folder;
  const std::string path = folder.file("s");
  const Descriptor theirs = bind_to(path, SOCK_STREAM, true);
  CHECK(failure(at(path)).find("in use") != std::string::npos);
  CHECK(can_connect("unix://" + path));
  CHECK_FALSE(exists(path + ".lock"));
}

TEST_CASE("ListeningSocket: a live socket is not taken while its backlog is full") {
  TemporaryFolder folder;
  const std::string path = folder.file("s");
  const Descriptor theirs = bind_to(path, SOCK_STREAM, true);
  std::vector<Descriptor> waiting;
  for (int i = 0; i < 8; ++i) {
    Descriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path.data(), path.size());
    static_cast<void>(::connect(client.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name));
    waiting.push_back(std::move(client));
  }
  CHECK(failure(at(path)).find("in use") != std::string::npos);
  CHECK(exists(path));
}

TEST_CASE("ListeningSocket: a path that is locked by a live process is not taken, though nothing is there") {
  TemporaryFolder folder;
  const std::string path = folder.file("s");
  const Descriptor lock(::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(::flock(lock.get(), LOCK_EX) == 0);
  CHECK(failure(at(path)).find("in use") != std::string::npos);
  CHECK(exists(path + ".lock"));
}

TEST_CASE("ListeningSocket: a file that is not a socket is left alone, and so are its neighbours") {
  TemporaryFolder folder;
  const std::string path = folder.file("s");
  std::ofstream(path) << "precious";
  const std::string why = failure(at(path));
  CHECK(why.find(path) != std::string::npos);
  CHECK(why.find("not a socket") != std::string::npos);
  std::string content;
  std::ifstream(path) >> content;
  CHECK(content == "precious");
  CHECK_FALSE(exists(path + ".lock"));
  // Nor is a link followed.
  const std::string link = folder.file("link");
  REQUIRE(::symlink(path.c_str(), link.c_str()) == 0);
  CHECK(failure(at(link)).find("not a socket") != std::string::npos);
  CHECK(exists(link));
}

TEST_CASE("ListeningSocket: a path in a folder that is not there is refused by name") {
  const std::string why = failure(at("/nonexistent/folder/s"));
  CHECK(why.find("unix:///nonexistent/folder/s") != std::string::npos);
}

TEST_CASE("ListeningSocket: the lock keeps a second server out until the first is gone") {
  TemporaryFolder folder;
  const std::string path = folder.file("s");
  auto first = ListeningSocket::open(at(path));
  for (int i = 0; i < 3; ++i) CHECK(failure(at(path)) != "");
  first.reset();
  auto second = ListeningSocket::open(at(path));
  CHECK(can_connect("unix://" + path));
}

TEST_CASE("ListeningSocket: an inherited socket is used as it is, and left where it was") {
  TemporaryFolder folder;
  const std::string path = folder.file("s");
  Descriptor theirs = bind_to(path, SOCK_STREAM, true);
  Descriptor kept(::fcntl(theirs.get(), F_DUPFD_CLOEXEC, 0));
  {
    const auto inherited = ListeningSocket::inherit(theirs.release());
    CHECK(inherited->inherited());
    CHECK(inherited->address().to_string() == "unix://" + path);
    CHECK((::fcntl(inherited->descriptor(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(inherited->descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK_FALSE(exists(path + ".lock"));
  }
  CHECK(exists(path));
  CHECK(can_connect("unix://" + path));
}

TEST_CASE("ListeningSocket: a descriptor that is not a listening socket can't be inherited") {
  CHECK_THROWS_AS(ListeningSocket::inherit(::open("/dev/null", O_RDONLY | O_CLOEXEC)), std::system_error);
  CHECK_THROWS_AS(ListeningSocket::inherit(-1), std::system_error);
  CHECK_THROWS_AS(ListeningSocket::inherit(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
                  std::system_error);
  CHECK_THROWS_AS(ListeningSocket::inherit(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
                  std::system_error);
}

TEST_CASE("ListeningSocket: a live socket of another type is not taken") {
  for (const int type : {SOCK_DGRAM, SOCK_SEQPACKET}) {
    TemporaryFolder folder;
    const std::string path = folder.file("s");
    const Descriptor theirs = bind_to(path, type, type == SOCK_SEQPACKET);
    CHECK(failure(at(path)) != "");
    CHECK(exists(path));
  }
}

}  // namespace
}  // namespace sluice::core
