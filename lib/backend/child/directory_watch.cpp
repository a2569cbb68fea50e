#include "lib/backend/child/directory_watch.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lib/base/error_text.hpp"

namespace sluice::core {
namespace {

constexpr std::uint32_t kChanges =
    IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;
constexpr std::string_view kUnknown = "?";

std::string failure_text(std::string_view what, int error) {
  // "No space left on device" and "Too many open files" are not what they seem here.
  if (error == ENOSPC) return std::string(what) + ": the limit fs.inotify.max_user_watches is reached";
  if (error == EMFILE)
    return std::string(what) + ": the limit fs.inotify.max_user_instances, or that of open files, is reached";
  return because(what, error);
}

// The path, and where it leads to if that has another name or directory.
std::vector<std::string> names_of(const std::string& file) {
  std::vector<std::string> names = {file};
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(file.c_str(), nullptr), &std::free);
  if (real != nullptr) names.emplace_back(real.get());
  return names;
}

}  // namespace

Result<DirectoryWatch, ChildFailure> DirectoryWatch::open() {
  Descriptor inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify) return ChildFailure{failure_text("inotify", errno)};
  return DirectoryWatch(std::move(inotify));
}

Descriptor DirectoryWatch::share() const { return Descriptor(::fcntl(inotify_.get(), F_DUPFD_CLOEXEC, 0)); }

Result<std::vector<DirectoryWatch::Entry>, ChildFailure> DirectoryWatch::watch(
    const Descriptor& inotify, const std::vector<std::string>& files) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < std::min(files.size(), kFilesMax); ++i) {
    for (const std::string& name : names_of(files[i])) {
      const std::size_t slash = name.rfind('/');
      const std::string folder =
          slash == std::string::npos ? "." : name.substr(0, std::max<std::size_t>(slash, 1));
      const int watch = ::inotify_add_watch(inotify.get(), folder.c_str(), kChanges);
      if (watch < 0) return ChildFailure{failure_text(folder, errno)};
      entries.emplace_back(watch, name.substr(slash == std::string::npos ? 0 : slash + 1));
    }
  }
  return entries;
}

void DirectoryWatch::expect(const std::vector<Entry>& entries) {
  for (const auto& [watch, name] : entries) names_[watch].insert(name);
}

std::string DirectoryWatch::read() {
  alignas(inotify_event) std::array<char, kReadBytesMax> buffer;
  const ssize_t got = ::read(inotify_.get(), buffer.data(), buffer.size());
  std::string changed;
  for (std::size_t at = 0; got > 0 && at < static_cast<std::size_t>(got);) {
    inotify_event event{};
    std::memcpy(&event, &buffer[at], sizeof(event));
    const std::string_view name = event.len > 0 ? &buffer[at + sizeof(event)] : "";
    at += sizeof(event) + event.len;
    const auto watched = names_.find(event.wd);
    // Lost events, or a directory that is gone: a look finds out.
    const bool unclear = (event.mask & (IN_Q_OVERFLOW | IN_IGNORED)) != 0 || watched == names_.end();
    if (unclear && changed.empty()) changed = kUnknown;
    if (!unclear && watched->second.contains(name)) changed = name;
    if ((event.mask & IN_IGNORED) != 0) names_.erase(event.wd);
  }
  return changed;
}

}  // namespace sluice::core
