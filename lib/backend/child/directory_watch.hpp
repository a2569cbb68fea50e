// Directory watch: an inotify instance that reports changes of some files.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lib/backend/child_failure.hpp"
#include "lib/base/descriptor.hpp"
#include "lib/base/result.hpp"

namespace sluice::core {

// Watches the directories of files rather than the files, so that a file that is renamed over another one, or
// appears again, is seen. Where a path is a symbolic link, so is what it leads to. Nothing is ever unwatched:
// a file may be away for a moment. Not thread-safe, except watch().
class DirectoryWatch {
 public:
  static constexpr std::size_t kFilesMax = 64;             // of a command; further ones are not watched
  static constexpr std::size_t kReadBytesMax = 16 * 1024;  // of events, before others are served

  // A name in a watched directory, by the system's number for the watch.
  using Entry = std::pair<int, std::string>;

  // Fails at a limit of the system's.
  static Result<DirectoryWatch, ChildFailure> open();

  int descriptor() const { return inotify_.get(); }
  // A descriptor of the same instance, for watch() on another thread.
  Descriptor share() const;
  // Watches the directories of `files`, on the instance of that descriptor. Its result is for expect(). May
  // wait for a disk or a network. Any thread.
  static Result<std::vector<Entry>, ChildFailure> watch(const Descriptor& inotify,
                                                        const std::vector<std::string>& files);

  // From now on changes of these count.
  void expect(const std::vector<Entry>& entries);
  // Reads events that are there, without waiting: the name of a file that has changed, if any counts; empty:
  // none. "?" stands for one whose name is not known. Events of a directory that is not expected yet count.
  std::string read();

 private:
  explicit DirectoryWatch(Descriptor inotify) : inotify_(std::move(inotify)) {}

  Descriptor inotify_;
  std::map<int, std::set<std::string, std::less<>>> names_;  // by watch
};

}  // namespace sluice::core
