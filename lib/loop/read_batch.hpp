// Where an I/O thread reads into.
#pragma once

#include <cassert>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "lib/base/intrusive_list.hpp"

namespace sluice::core {

struct ReaderTag;

// What has read something and is to deal with it.
class Reader : public ListHook<ReaderTag> {
 public:
  // The bytes are valid during the call. Must not throw.
  virtual void on_bytes(std::string_view bytes) = 0;

  std::string_view read_bytes;  // the batch's

 protected:
  Reader() = default;
  ~Reader() { unlink(); }
};

// The bytes of several sockets, which are first read and then dealt with: between one read and the next our
// code would take the place of the kernel's in the processor's cache, and the kernel's that of ours. 2 to 4 %
// of a call. Not thread-safe: one for each I/O thread.
class ReadBatch {
 public:
  static constexpr std::size_t kBytes = 256 * 1024;  // the most that one read takes in
  static constexpr std::size_t kReadersMax = 32;     // whose bytes wait for each other's

  // Where to read into: at least half of kBytes. What is read there has to be dealt with, or added, before
  // this is called again. May deal with what was added.
  std::span<char> space() {
    if (full()) deal();
    return std::span(buffer_).subspan(used_);
  }
  // Whether space() is going to deal with what was added.
  bool full() const { return count_ == kReadersMax || used_ > kBytes / 2; }

  // `reader` has read so many bytes into space(), and is told of them by deal(), unless it is unlinked
  // before.
  void add(Reader& reader, std::size_t bytes) {
    assert(!reader.linked());
    reader.read_bytes = std::string_view(buffer_).substr(used_, bytes);
    readers_.push_back(reader);
    used_ += bytes;
    ++count_;
  }

  // Readers that have not been dealt with, at most.
  std::size_t count() const { return count_; }

  void deal() {
    while (Reader* const reader = readers_.pop_front()) reader->on_bytes(reader->read_bytes);
    used_ = count_ = 0;
  }

 private:
  std::string buffer_ = std::string(kBytes, '\0');
  std::size_t used_ = 0;  // of it, by those who were added
  IntrusiveList<Reader, ReaderTag> readers_;
  std::size_t count_ = 0;
};

}  // namespace sluice::core
