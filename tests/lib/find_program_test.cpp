#include "lib/backend/find_program.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace sluice::core::testing {
namespace {

namespace fs = std::filesystem;

// A folder with programs, and what cannot be run.
struct Fixture {
  Fixture() {
    std::string name = (fs::temp_directory_path() / "sluice-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder = name;
    make("bin/tool", true);
    make("bin/text", false);
    make("more/text", true);
    fs::create_directories(folder / "bin/folder");
    settings.directory = folder.string();
  }
  ~Fixture() { fs::remove_all(folder); }

  void make(const std::string& name, bool executable) const {
    const fs::path file = folder / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << "#!/bin/sh\n";
    if (executable) fs::permissions(file, fs::perms::owner_all);
  }
  int error_of(const std::string& command) { return find(command).error; }
  std::string name_of(const std::string& command) { return find(command).name; }
  FoundProgram find(const std::string& command) {
    settings.command = {command};
    return find_program(settings, environment_of(settings));
  }
  void set_path(const std::string& path) { settings.environment["PATH"] = path; }

  fs::path folder;
  ChildSettings settings;
};

TEST_CASE("a program with a slash in its name is looked for from the child's folder") {
  Fixture f;
  CHECK(f.error_of("bin/tool") == 0);
  CHECK(f.error_of("./bin/tool") == 0);
  CHECK(f.error_of((f.folder / "bin/tool").string()) == 0);
  CHECK(f.error_of("tool/") == ENOENT);
  CHECK(f.error_of("bin/none") == ENOENT);
  CHECK(f.error_of("bin/text") == EACCES);
  CHECK(f.error_of("bin/folder") == EACCES);
  CHECK(f.error_of("bin/tool/x") == ENOTDIR);
}

TEST_CASE("a program is looked for in the PATH that the child will have") {
  Fixture f;
  CHECK(f.error_of("sh") == 0);
  CHECK(f.error_of("tool") == ENOENT);
  f.set_path("none:bin:more");
  CHECK(f.error_of("sh") == ENOENT);
  CHECK(f.name_of("tool") == "bin/tool");
  CHECK(f.name_of("text") == "more/text");
  f.set_path("none:bin");
  CHECK(f.error_of("text") == EACCES);
  f.set_path(f.folder.string() + "/bin");
  CHECK(f.name_of("tool") == f.folder.string() + "/bin/tool");
}

TEST_CASE("an empty part of PATH is the child's folder") {
  Fixture f;
  f.make("here", true);
  for (const char* path : {"", ":", "none:", ":none", "a::b"}) {
    CAPTURE(path);
    f.set_path(path);
    CHECK(f.name_of("here") == "./here");
  }
}

TEST_CASE("what keeps a child from being started is told with the setting that it is for") {
  Fixture f;
  f.settings.command = {"bin/none", "an argument"};
  const auto missing = check_program(f.settings);
  REQUIRE(missing);
  CHECK(missing->setting == ProgramProblem::Setting::command);
  CHECK(missing->what == "bin/none: No such file or directory");
  f.settings.directory += "/bin/tool";
  const auto nowhere = check_program(f.settings);
  REQUIRE(nowhere);
  CHECK(nowhere->setting == ProgramProblem::Setting::directory);
  CHECK(nowhere->what == f.settings.directory + ": Not a directory");
  f.settings.directory.clear();
  f.settings.command = {"sh"};
  CHECK_FALSE(check_program(f.settings));
}

}  // namespace
}  // namespace sluice::core::testing
