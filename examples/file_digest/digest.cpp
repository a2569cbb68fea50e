#include "digest.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <thread>

#include "handover.hpp"
#include "sha256.hpp"

namespace {

// Chunks that are read and hashed at once.
constexpr std::size_t kWidth = 4;
constexpr int kUnreadable = 2;

struct Chunk {
  std::vector<std::byte> bytes;
  std::string sha256;
  bool readable = false;
};

using Lanes = std::array<Handover<Chunk>, kWidth>;

Chunk read_chunk(const File& file, std::uint64_t offset, std::size_t chunk_bytes) {
  Chunk chunk;
  chunk.bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(chunk_bytes, file.bytes - offset)));
  chunk.readable = read_at(file, offset, chunk.bytes);
  Sha256 sha256;
  sha256.update(chunk.bytes);
  chunk.sha256 = sha256.hex();
  return chunk;
}

// Puts every kWidth-th chunk, beginning with the one at `lane`, into that lane.
void fill_lane(const File& file, std::size_t chunk_bytes, std::size_t lane, Lanes& lanes,
               std::stop_token stop) {
  const std::uint64_t step = kWidth * chunk_bytes;
  for (std::uint64_t offset = lane * chunk_bytes; offset < file.bytes; offset += step) {
    Chunk chunk;
    try {
      chunk = read_chunk(file, offset, chunk_bytes);
    } catch (const std::exception&) {
      // It stays unreadable, and whoever takes it says so.
    }
    if (!lanes[lane].put(std::move(chunk), stop)) return;
  }
}

}  // namespace

void to_json(sluice::Json& json, const FileDigest& digest) {
  json = {{"sha256", digest.sha256}, {"chunks", digest.chunks}, {"bytes", digest.bytes}};
}

sluice::Json sluice::SchemaOf<FileDigest>::schema() {
  return {{"type", "object"},
          {"properties",
           {{"sha256", schema_of<std::string>()},
            {"chunks", schema_of<std::vector<std::string>>()},
            {"bytes", schema_of<std::uint64_t>()}}}};
}

sluice::Result<FileDigest> digest_file(const File& file, std::size_t chunk_bytes, std::stop_token stop) {
  Lanes lanes;
  std::vector<std::jthread> readers;  // stopped and joined however this function is left
  for (std::size_t lane = 0; lane < kWidth; ++lane) {
    readers.emplace_back([&, lane](std::stop_token end) { fill_lane(file, chunk_bytes, lane, lanes, end); });
  }

  FileDigest digest;
  digest.bytes = file.bytes;
  Sha256 whole;
  for (std::uint64_t offset = 0; offset < file.bytes; offset += chunk_bytes) {
    std::optional<Chunk> chunk = lanes[digest.chunks.size() % kWidth].take(stop);
    if (!chunk || stop.stop_requested()) return sluice::cancelled();
    if (!chunk->readable) return sluice::Error{kUnreadable, "The file could not be read to its end"};
    whole.update(chunk->bytes);
    digest.chunks.push_back(std::move(chunk->sha256));
  }
  digest.sha256 = whole.hex();
  return digest;
}
