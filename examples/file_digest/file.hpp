// Regular files beneath one folder, and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <sluice/error.hpp>

// An open file or folder. Closed with the object; moving leaves -1 behind.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int number() const { return number_; }

 private:
  int number_;
};

struct File {
  Descriptor descriptor;
  std::uint64_t bytes = 0;  // when it was opened
};

// Throws std::system_error where there is no such folder.
Descriptor open_root(const std::string& folder);

// Opens the regular file at `path`, which is relative to `root`. The kernel refuses a path that leads out of
// the root (by "..", as an absolute path, or through a symbolic link) while it resolves the path (openat2),
// so a folder cannot be replaced by a link in between. May be called from several threads at once.
sluice::Result<File> open_beneath(const Descriptor& root, const std::string& path);

// Fills `bytes` from `offset` on. False where the file has ended before, or can't be read.
bool read_at(const File& file, std::uint64_t offset, std::span<std::byte> bytes);
