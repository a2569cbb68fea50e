#include "lib/backend/child/program_watch.hpp"

#include <cerrno>
#include <mutex>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>
#include <sys/eventfd.h>

#include "lib/backend/find_program.hpp"
#include "lib/base/error_text.hpp"
#include "lib/observe/log.hpp"

namespace sluice::core {

// Shared with the thread that looks, which may outlive all else.
struct ProgramWatch::Look {
  struct Found {
    std::string version;
    std::vector<DirectoryWatch::Entry> entries;
    std::string failure;  // why not all is watched; empty: it is
  };

  // First the watches: what changes from then on is an event, and what changed before is in the version.
  static Found find(const ChildSettings& settings, const Descriptor& inotify) {
    Found found;
    auto watched = DirectoryWatch::watch(inotify, program_files(settings));
    if (watched) {
      found.entries = std::move(watched).value();
    } else {
      found.failure = watched.error().what;
    }
    found.version = program_version(settings);
    return found;
  }

  void run(const ChildSettings& settings) noexcept {
    try {
      Found made = find(settings, inotify);
      const std::lock_guard lock(mutex);
      found = std::move(made);
    } catch (const std::bad_alloc&) {
      // Nothing was found; the next change is looked at again.
    }
    ::eventfd_write(done.get(), 1);
  }

  Descriptor inotify;
  Descriptor done{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::mutex mutex;
  std::optional<Found> found;  // guarded by mutex
};

ProgramWatch::ProgramWatch(BackendHub& hub, const ChildSettings& settings, std::string version,
                           std::string label, Owner& owner)
    : hub_(hub),
      settings_(settings),
      label_(std::move(label)),
      owner_(owner),
      version_(std::move(version)),
      look_(std::make_shared<Look>()) {
  open();
  if (directories_) look();
}

ProgramWatch::~ProgramWatch() { close(); }

void ProgramWatch::open() {
  auto opened = DirectoryWatch::open();
  if (!opened) return warn(opened.error().what);
  directories_ = std::make_unique<DirectoryWatch>(std::move(opened).value());
  look_->inotify = directories_->share();
  if (!look_->inotify || !look_->done) return warn(because("descriptors", EMFILE));
  try {
    watch(events_, directories_->descriptor());
    watch(looked_, look_->done.get());
  } catch (const std::system_error& error) {
    warn(error.what());
  }
}

void ProgramWatch::watch(Source& source, int descriptor) {
  hub_.io().poller().add(descriptor, Poller::kReadable, source);
  source.descriptor = descriptor;
}

void ProgramWatch::close() {
  hub_.io().clear_deadline(*this);
  for (Source* const source : {&events_, &looked_}) {
    if (source->descriptor >= 0) hub_.io().poller().remove(std::exchange(source->descriptor, -1), *source);
  }
  directories_.reset();
}

void ProgramWatch::warn(std::string_view why) {
  spdlog::warn("{}: its program's files can't be watched: {}; SIGHUP takes changes over", label_,
               printable(why));
  close();
}

void ProgramWatch::on_events() {
  std::string changed = directories_->read();
  if (changed.empty()) return;
  changed_ = std::move(changed);
  debounce_.changed(hub_.now());
  hub_.io().set_deadline(*this, debounce_.due());
}

void ProgramWatch::on_deadline(TimePoint now) {
  if (debounce_.take(now)) look();
}

void ProgramWatch::look() {
  if (std::exchange(looking_, true)) {
    look_again_ = true;
    return;
  }
  try {
    std::thread([look = look_, settings = settings_] {
      pthread_setname_np(pthread_self(), "watch");
      look->run(settings);
    }).detach();
  } catch (const std::system_error& error) {
    looking_ = false;
    spdlog::warn("{}: its program's files could not be looked at: {}", label_, error.what());
  }
}

void ProgramWatch::on_looked() {
  eventfd_t count = 0;
  ::eventfd_read(look_->done.get(), &count);
  looking_ = false;
  std::optional<Look::Found> found;
  {
    const std::lock_guard lock(look_->mutex);
    found.swap(look_->found);
  }
  if (std::exchange(look_again_, false)) look();
  if (!found) return;
  directories_->expect(found->entries);
  const std::string changed = std::exchange(changed_, {});
  const bool is_new = std::exchange(version_, found->version) != found->version;
  if (!found->failure.empty()) warn(found->failure);
  if (is_new) owner_.on_program_changed(changed == "?" ? "" : changed);
}

}  // namespace sluice::core
