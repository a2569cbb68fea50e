#include "lib/backend/upstream/secrets.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

namespace sluice::core {
namespace {

struct Folder {
  Folder() : path(std::filesystem::temp_directory_path() / ("sluice-secrets-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path / name, std::ios::binary) << text;
    return path / name;
  }
  const std::filesystem::path path;
};

TEST_CASE(
    "read_upstream_headers: values are those of the settings and of the files, without the line's end") {
  const Folder folder;
  UpstreamSettings settings;
  settings.headers["X-Key"].text = "plain";
  settings.headers["Authorization"].file = folder.file("token", "Bearer abc\r\n");
  const auto read = read_upstream_headers(settings);
  REQUIRE(read);
  CHECK(read.value() == UpstreamHeaders{{"Authorization", "Bearer abc"}, {"X-Key", "plain"}});
}

TEST_CASE("read_upstream_headers: user and password are HTTP's basic authentication") {
  const Folder folder;
  UpstreamSettings settings;
  settings.user = "Aladdin";
  settings.password_file = folder.file("password", "open sesame\n");
  const auto read = read_upstream_headers(settings);
  REQUIRE(read);
  CHECK(read.value() == UpstreamHeaders{{"Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}});
}

TEST_CASE("read_upstream_headers: a file that can't be used is named, and what is in it is not") {
  const Folder folder;
  for (const char* text : {"", "\n", "secret\nX-Evil: 1\n", "sec\x01ret", "secret\rmore"}) {
    CAPTURE(text);
    UpstreamSettings settings;
    settings.headers["Authorization"].file = folder.file("token", text);
    const auto read = read_upstream_headers(settings);
    REQUIRE_FALSE(read);
    const SecretProblem& problem = read.error();
    CHECK(problem.key == "headers.Authorization");
    CHECK(problem.what.find("secret") == std::string::npos);
  }
  UpstreamSettings settings;
  settings.user = "me";
  settings.password_file = folder.path / "missing";
  const auto read = read_upstream_headers(settings);
  REQUIRE_FALSE(read);
  CHECK(read.error().key == "password_file");
}

TEST_CASE("hide_secrets: what servers show of what they were sent does not get into the log") {
  const UpstreamHeaders headers{{"Authorization", "Bearer abc"}, {"X-Key", "key"}, {"X-Empty", ""}};
  CHECK(hide_secrets("Authorization: Bearer abc, X-Key: key", headers) == "Authorization: ***, X-Key: ***");
  CHECK(hide_secrets("bad token abc", headers) == "bad token ***");
  CHECK(hide_secrets(std::string(100'000, 'x'), headers).size() < 100'000);
}

TEST_CASE("is_own_header: what frames and negotiates a message is the server's own, in any case") {
  for (const char* name :
       {"Host", "content-LENGTH", "Connection", "Transfer-Encoding", "Upgrade", "Sec-WebSocket-Key",
        "Accept-Encoding", "Content-Type", "Sluice-Timeout-Ms", "TE"}) {
    CAPTURE(name);
    CHECK(is_own_header(name));
  }
  for (const char* name : {"Authorization", "X-Api-Key", "Cookie", "Origin", "Hosts"}) {
    CAPTURE(name);
    CHECK_FALSE(is_own_header(name));
  }
}

}  // namespace
}  // namespace sluice::core
