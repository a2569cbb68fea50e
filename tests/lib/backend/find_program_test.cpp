#include "lib/backend/find_program.hpp"

#include <doctest/doctest.h>

#include <algorithm>
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
  void write(const std::string& name, const std::string& text) const {
    make(name, true);
    std::ofstream(folder / name) << text;
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

TEST_CASE("a script is as good as its interpreter") {
  Fixture f;
  f.write("bin/script", "#!/nowhere/python9 -u\n");
  FoundProgram found = f.find("bin/script");
  CHECK(found.error == ENOENT);
  CHECK(found.interpreter == "/nowhere/python9");
  // A carriage return is part of the interpreter's name, as the kernel reads it.
  f.write("bin/script", "#!/bin/sh\r\n");
  found = f.find("bin/script");
  CHECK(found.error == ENOENT);
  CHECK(found.interpreter == "/bin/sh\r");
  f.write("bin/script", "#! \t/bin/sh\n");
  CHECK(f.error_of("bin/script") == 0);
  f.write("bin/script", "#!bin/tool\n");
  CHECK(f.error_of("bin/script") == 0);
  f.write("bin/script", "#!bin/text\n");
  CHECK(f.error_of("bin/script") == EACCES);
}

TEST_CASE("a script that env runs needs its interpreter in the PATH that the child will have") {
  Fixture f;
  f.write("bin/script", "#!/usr/bin/env tool\n");
  FoundProgram found = f.find("bin/script");
  CHECK(found.error == ENOENT);
  CHECK(found.interpreter == "tool");
  f.set_path("bin");
  CHECK(f.error_of("bin/script") == 0);
  for (const char* arguments : {"-S python9 -u", "A=1 python9", "sh"}) {
    CAPTURE(arguments);
    f.set_path("/usr/bin:/bin");
    f.write("bin/script", std::string("#!/usr/bin/env ") + arguments + "\n");
    CHECK(f.error_of("bin/script") == 0);
  }
}

TEST_CASE("scripts that env has run each other, or themselves, can't be run") {
  Fixture f;
  f.set_path("bin:/usr/bin:/bin");
  f.write("bin/self", "#!/usr/bin/env self\n");
  f.write("bin/one", "#!/usr/bin/env other\n");
  f.write("bin/other", "#!/usr/bin/env one\n");
  CHECK(f.error_of("self") == ELOOP);
  CHECK(f.error_of("one") == ELOOP);
  f.write("bin/other", "#!/usr/bin/env tool\n");
  CHECK(f.error_of("one") == 0);
}

TEST_CASE("the interpreter of a file is read without allocating") {
  Fixture f;
  const std::string file = (f.folder / "bin/script").string();
  InterpreterName name;
  const auto read = [&](const std::string& text) {
    f.write("bin/script", text);
    read_interpreter(file.c_str(), name);
    return std::string(name.data());
  };
  CHECK(read("#!/bin/sh\n") == "/bin/sh");
  CHECK(read("#!  /bin/sh -e\n") == "/bin/sh");
  CHECK(read("#!/bin/sh") == "/bin/sh");
  CHECK(read("#!\n").empty());
  CHECK(read("#").empty());
  CHECK(read("").empty());
  CHECK(read("text").empty());
  CHECK(read("#!" + std::string(1000, 'x')).size() < kInterpreterBytesMax);
  read_interpreter("/nowhere", name);
  CHECK(name[0] == '\0');
}

TEST_CASE("a program's version changes with its file and with files that its arguments name") {
  Fixture f;
  f.write("handler.py", "one");
  f.settings.command = {"bin/tool", "handler.py", "--flag"};
  const std::string before = program_version(f.settings);
  CHECK(program_version(f.settings) == before);
  f.write("handler.py", "another");
  const std::string edited = program_version(f.settings);
  CHECK(edited != before);
  f.write("new.py", "another");
  fs::rename(f.folder / "new.py", f.folder / "handler.py");
  const std::string replaced = program_version(f.settings);
  CHECK(replaced != edited);
  f.make("bin/tool", true);
  f.write("bin/tool", "#!/bin/sh\n# longer\n");
  CHECK(program_version(f.settings) != replaced);
}

// Sets variables of this process for as long as it lives.
struct Variables {
  explicit Variables(std::vector<std::string> names) : set(std::move(names)) {
    for (const std::string& name : set) ::setenv(name.c_str(), "set", 1);
  }
  ~Variables() {
    for (const std::string& name : set) ::unsetenv(name.c_str());
  }
  std::vector<std::string> set;
};

bool has(const std::vector<std::string>& environment, const std::string& variable) {
  return std::ranges::find(environment, variable) != environment.end();
}
bool names(const std::vector<std::string>& environment, const std::string& name) {
  return std::ranges::any_of(environment, [&](const auto& each) { return each.starts_with(name + "="); });
}

TEST_CASE("what a service manager said to the server is not in a child's environment") {
  const Variables variables({"LISTEN_PIDFDID", "WATCHDOG_USEC", "INVOCATION_ID", "MAINPID", "SLUICE_KEPT"});
  const auto environment = environment_of(ChildSettings{});
  CHECK(has(environment, "SLUICE_KEPT=set"));
  for (const char* name : {"LISTEN_PIDFDID", "WATCHDOG_USEC", "INVOCATION_ID", "MAINPID"}) {
    CAPTURE(name);
    CHECK_FALSE(names(environment, name));
  }
}

TEST_CASE("another user's child has that user's names and folders, or what the settings say") {
  const Variables variables({"XDG_RUNTIME_DIR", "MAIL", "SLUICE_KEPT"});
  ChildSettings settings;
  settings.environment["SHELL"] = "/bin/mine";
  const ChildUser user{"user", "/home/user", "/bin/sh", 1, 1, {}};
  const auto environment = environment_of(settings, &user);
  for (const char* expected :
       {"HOME=/home/user", "USER=user", "LOGNAME=user", "SHELL=/bin/mine", "SLUICE_KEPT=set"}) {
    CAPTURE(expected);
    CHECK(has(environment, expected));
  }
  CHECK_FALSE(has(environment, "SHELL=/bin/sh"));
  CHECK_FALSE(names(environment, "XDG_RUNTIME_DIR"));
  CHECK_FALSE(names(environment, "MAIL"));
}

TEST_CASE("a cleared environment has PATH and what the settings say") {
  const Variables variables({"SLUICE_SECRET"});
  ChildSettings settings;
  settings.environment_cleared = true;
  settings.environment["COLOUR"] = "blue";
  const auto environment = environment_of(settings);
  CHECK(has(environment, "COLOUR=blue"));
  CHECK(names(environment, "PATH"));
  CHECK(environment.size() == 2);
}

TEST_CASE("a user that there is not is a problem of that setting") {
  ChildSettings settings;
  settings.command = {"sh"};
  settings.user = "no-such-user";
  const auto checked = check_program(settings);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().setting == ProgramProblem::Setting::user);
  CHECK(checked.error().what == "there is no user no-such-user");
}

TEST_CASE("what keeps a child from being started is reported with its setting") {
  Fixture f;
  f.settings.command = {"bin/none", "an argument"};
  const auto missing = check_program(f.settings);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().setting == ProgramProblem::Setting::command);
  CHECK(missing.error().what == "bin/none: No such file or directory");
  f.settings.directory += "/bin/tool";
  const auto nowhere = check_program(f.settings);
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().setting == ProgramProblem::Setting::directory);
  CHECK(nowhere.error().what == f.settings.directory + ": Not a directory");
  f.settings.directory.clear();
  f.settings.command = {"sh"};
  CHECK(check_program(f.settings));
}

}  // namespace
}  // namespace sluice::core::testing
