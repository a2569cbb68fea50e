// Program watch: tells a backend when the files of its program have changed.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lib/backend/backend_hub.hpp"
#include "lib/backend/backend_settings.hpp"
#include "lib/backend/child/change_debounce.hpp"
#include "lib/backend/child/directory_watch.hpp"

namespace sluice::core {

// inotify says that something may have changed, and program_version(), on a thread of its own because a disk
// may not answer, whether it has. Without inotify nothing is reported, which is logged. Backends' thread
// only.
class ProgramWatch final : private Deadline {
 public:
  class Owner {
   public:
    // The program's files are not those of the last version any more. `file` is the name of one, or empty.
    virtual void on_program_changed(std::string_view file) = 0;

   protected:
    ~Owner() = default;
  };

  // `version`: the program_version() that the owner's processes have, or an older one. `label` is what the
  // log calls the backend.
  ProgramWatch(BackendHub& hub, const ChildSettings& settings, std::string version, std::string label,
               Owner& owner);
  ~ProgramWatch();
  ProgramWatch(const ProgramWatch&) = delete;
  ProgramWatch& operator=(const ProgramWatch&) = delete;

 private:
  // One of its descriptors.
  struct Source final : Watched {
    Source(ProgramWatch& of, void (ProgramWatch::*handler)()) : owner(of), on_event(handler) {}
    void on_ready(std::uint32_t) override { (owner.*on_event)(); }
    ProgramWatch& owner;
    void (ProgramWatch::*on_event)();
    int descriptor = -1;  // that is watched; -1: none
  };
  struct Look;

  void open();
  void watch(Source& source, int descriptor);
  void close();
  void warn(std::string_view why);
  void on_events();
  void on_deadline(TimePoint now) override;
  void look();
  void on_looked();

  BackendHub& hub_;
  const ChildSettings settings_;
  const std::string label_;
  Owner& owner_;
  std::string version_;
  std::unique_ptr<DirectoryWatch> directories_;  // null: nothing is watched
  ChangeDebounce debounce_;
  std::string changed_;  // the file whose change was seen last; empty: none since the last look
  std::shared_ptr<Look> look_;
  bool looking_ = false;     // one look at a time
  bool look_again_ = false;  // more has changed meanwhile
  Source events_{*this, &ProgramWatch::on_events};
  Source looked_{*this, &ProgramWatch::on_looked};
};

}  // namespace sluice::core
