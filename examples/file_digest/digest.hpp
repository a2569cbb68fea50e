// The digests of a file as a whole and of its chunks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <sluice/error.hpp>
#include <sluice/schema.hpp>
#include <sluice/service/wait_limit.hpp>

#include "file.hpp"

// SHA-256, in hexadecimal.
struct FileDigest {
  std::string sha256;               // of the whole file
  std::vector<std::string> chunks;  // of each chunk, in order; the last may be shorter than the others
  std::uint64_t bytes = 0;
};

void to_json(sluice::Json& json, const FileDigest& digest);

template <>
struct sluice::SchemaOf<FileDigest> {
  static Json schema();
};

// Reads and hashes several chunks at once, each on a thread of its own, while the calling thread hashes the
// whole in order. Holds no more than a few chunks in memory. Ends with the limit's error soon after the limit
// was reached; its threads have ended when it returns.
sluice::Result<FileDigest> digest_file(const File& file, std::size_t chunk_bytes,
                                       const sluice::WaitLimit& limit);
