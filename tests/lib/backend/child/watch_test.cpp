#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "lib/backend/child/change_debounce.hpp"
#include "lib/backend/child/directory_watch.hpp"
#include "lib/backend/find_program.hpp"

namespace sluice::core {
namespace {

namespace fs = std::filesystem;
constexpr TimePoint kNow{std::chrono::hours(1)};

TEST_CASE("ChangeDebounce: reports once, when nothing has changed for the quiet time") {
  ChangeDebounce debounce;
  CHECK(debounce.due() == TimePoint::max());
  CHECK_FALSE(debounce.take(kNow));
  debounce.changed(kNow);
  CHECK(debounce.due() == kNow + ChangeDebounce::kQuietTime);
  CHECK_FALSE(debounce.take(kNow + ChangeDebounce::kQuietTime - milliseconds(1)));
  CHECK(debounce.take(kNow + ChangeDebounce::kQuietTime));
  CHECK_FALSE(debounce.take(kNow + seconds(9)));
  CHECK(debounce.due() == TimePoint::max());
}

TEST_CASE("ChangeDebounce: every further change puts the report off") {
  ChangeDebounce debounce;
  TimePoint now = kNow;
  for (int i = 0; i < 50; ++i) {
    debounce.changed(now);
    now += ChangeDebounce::kQuietTime - milliseconds(1);
    CHECK_FALSE(debounce.take(now));
  }
  CHECK(debounce.take(now + milliseconds(1)));
}

struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "sluice-watch-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path); }

  std::string file(const std::string& name) const { return path / name; }
  std::string write(const std::string& name, std::string_view text = "text") const {
    std::ofstream(file(name)) << text;
    return file(name);
  }

  fs::path path;
};

// A watch of files, after what has changed before.
struct Watching {
  explicit Watching(const std::vector<std::string>& files) : watch(DirectoryWatch::open().value()) {
    auto watched = DirectoryWatch::watch(watch.share(), files);
    REQUIRE(watched);
    watch.expect(watched.value());
  }
  DirectoryWatch watch;
};

TEST_CASE("DirectoryWatch: a file that is written to, renamed over or removed has changed") {
  const Folder folder;
  Watching watching({folder.write("handler.py")});
  CHECK(watching.watch.read().empty());
  folder.write("handler.py", "more");
  CHECK(watching.watch.read() == "handler.py");
  CHECK(watching.watch.read().empty());
  fs::rename(folder.write("handler.py.new"), folder.file("handler.py"));
  CHECK(watching.watch.read() == "handler.py");
  fs::remove(folder.file("handler.py"));
  CHECK(watching.watch.read() == "handler.py");
  folder.write("handler.py");
  CHECK(watching.watch.read() == "handler.py");
}

TEST_CASE("DirectoryWatch: other files of the directory do not count") {
  const Folder folder;
  Watching watching({folder.write("handler.py")});
  folder.write(".handler.py.swp");
  fs::create_directory(folder.file("__pycache__"));
  CHECK(watching.watch.read().empty());
}

TEST_CASE("DirectoryWatch: several files, and directories, are watched at once") {
  const Folder one;
  const Folder other;
  Watching watching({one.write("a"), one.write("b"), other.write("c")});
  for (const auto& [folder, name] : {std::pair(&one, "a"), std::pair(&one, "b"), std::pair(&other, "c")}) {
    folder->write(name);
    CHECK(watching.watch.read() == name);
  }
  other.write("a");
  CHECK(watching.watch.read().empty());
}

TEST_CASE("DirectoryWatch: of a symbolic link, link and target are watched") {
  const Folder folder;
  const Folder targets;
  fs::create_symlink(targets.write("v1.py"), folder.file("handler.py"));
  Watching watching({folder.file("handler.py")});
  targets.write("v1.py", "more");
  CHECK(watching.watch.read() == "v1.py");
  fs::create_symlink(targets.write("v2.py"), folder.file("next"));
  fs::rename(folder.file("next"), folder.file("handler.py"));
  CHECK(watching.watch.read() == "handler.py");
}

TEST_CASE("DirectoryWatch: a change before its directory is expected is of an unknown name") {
  const Folder folder;
  auto watch = DirectoryWatch::open().value();
  auto watched = DirectoryWatch::watch(watch.share(), {folder.write("handler.py")});
  folder.write("handler.py", "more");
  CHECK(watch.read() == "?");
  watch.expect(watched.value());
  CHECK(watch.read().empty());
}

TEST_CASE("DirectoryWatch: a directory that is gone counts as a change, and can be watched again") {
  const Folder folder;
  const std::string inner = folder.file("inner");
  fs::create_directory(inner);
  std::ofstream(inner + "/handler.py") << "text";
  Watching watching({inner + "/handler.py"});
  fs::remove_all(inner);
  CHECK_FALSE(watching.watch.read().empty());
  const auto missing = DirectoryWatch::watch(watching.watch.share(), {inner + "/handler.py"});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().what == inner + ": No such file or directory");
  fs::create_directory(inner);
  watching.watch.expect(DirectoryWatch::watch(watching.watch.share(), {inner + "/handler.py"}).value());
  std::ofstream(inner + "/handler.py") << "text";
  CHECK(watching.watch.read() == "handler.py");
}

TEST_CASE("DirectoryWatch: so many files are watched and no more") {
  const Folder folder;
  std::vector<std::string> files;
  for (std::size_t i = 0; i <= DirectoryWatch::kFilesMax; ++i)
    files.push_back(folder.write("f" + std::to_string(i)));
  Watching watching(files);
  folder.write("f0");
  CHECK(watching.watch.read() == "f0");
  folder.write("f" + std::to_string(DirectoryWatch::kFilesMax));
  CHECK(watching.watch.read().empty());
}

TEST_CASE("Program files: the program, and the arguments that are regular files") {
  const Folder folder;
  folder.write("calc.py");
  fs::create_directory(folder.file("data"));
  ChildSettings settings;
  settings.command = {"sh", "-u", "calc.py", "data", "missing.py", folder.file("calc.py")};
  settings.directory = folder.path;
  const auto files = program_files(settings);
  REQUIRE(files.size() == 3);
  CHECK(fs::path(files[0]).filename() == "sh");
  CHECK(files[1] == folder.file("calc.py"));
  CHECK(files[2] == folder.file("calc.py"));
  settings.command = {"/no/such/program"};
  CHECK(program_files(settings).empty());
}

}  // namespace
}  // namespace sluice::core
