// Limit of TLS records without data.
#pragma once

#include <algorithm>
#include <cstddef>

namespace sluice::core {

// Counts the records without data on one connection. They cost the most for their bytes: new keys (KeyUpdate)
// take 36 us a record of 27 bytes. A peer may send a fixed number of them, and one more for each
// kDataBytesEach of data. New keys are due only after gigabytes.
class IdleRecords {
 public:
  static constexpr std::size_t kMax = 32;
  static constexpr std::size_t kDataBytesEach = 64 * 1024;
  // A handshake may bring a chain of certificates in pieces of 512 bytes.
  static constexpr std::size_t kHandshakeMax = 256;

  // Counts a record. False if there are too many.
  bool take(bool established) { return ++count_ <= (established ? kMax : kHandshakeMax); }

  // One of the counted records brought data.
  void take_data(std::size_t bytes) {
    data_bytes_ += bytes;
    std::size_t forgiven = 1;
    if (data_bytes_ >= kDataBytesEach) {
      data_bytes_ = 0;
      ++forgiven;
    }
    count_ -= std::min(count_, forgiven);
  }

  // The handshake is over: its records count no more.
  void establish() { count_ = 0; }

 private:
  std::size_t count_ = 0;
  std::size_t data_bytes_ = 0;  // since the last record was forgiven
};

}  // namespace sluice::core
