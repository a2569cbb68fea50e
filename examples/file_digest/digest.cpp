#include "digest.hpp"

#include <algorithm>
#include <deque>
#include <exception>
#include <sluice/service/channel.hpp>
#include <thread>

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

using Lane = sluice::Channel<Chunk>;

Chunk read_chunk(const File& file, std::uint64_t offset, std::size_t chunk_bytes) {
  Chunk chunk;
  chunk.bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(chunk_bytes, file.bytes - offset)));
  chunk.readable = read_at(file, offset, chunk.bytes);
  Sha256 sha256;
  sha256.update(chunk.bytes);
  chunk.sha256 = sha256.hex();
  return chunk;
}

// Puts every kWidth-th chunk, beginning with the one of number `first`, into the lane.
void fill_lane(const File& file, std::size_t chunk_bytes, std::size_t first, Lane& lane,
               const sluice::WaitLimit& limit) {
  const std::uint64_t step = kWidth * chunk_bytes;
  for (std::uint64_t offset = first * chunk_bytes; offset < file.bytes; offset += step) {
    Chunk chunk;
    try {
      chunk = read_chunk(file, offset, chunk_bytes);
    } catch (const std::exception&) {
      // The chunk stays unreadable, and its receiver reports that.
    }
    if (lane.push(std::move(chunk), limit) != sluice::ChannelStatus::ok) return;
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

sluice::Result<FileDigest> digest_file(const File& file, std::size_t chunk_bytes,
                                       const sluice::WaitLimit& limit) {
  std::deque<Lane> lanes;
  std::vector<std::jthread> readers;  // stopped and joined however this function is left
  for (std::size_t first = 0; first < kWidth; ++first) {
    readers.emplace_back([&, first, lane = &lanes.emplace_back(1)](const std::stop_token& end) {
      fill_lane(file, chunk_bytes, first, *lane, sluice::WaitLimit(limit.deadline, end));
    });
  }

  FileDigest digest;
  digest.bytes = file.bytes;
  Sha256 whole;
  for (std::uint64_t offset = 0; offset < file.bytes; offset += chunk_bytes) {
    sluice::Received<Chunk> chunk = lanes[digest.chunks.size() % kWidth].pop(limit);
    if (!chunk || limit.over()) return limit.error();
    if (!chunk->readable) return sluice::Error{kUnreadable, "The file could not be read to its end"};
    whole.update(chunk->bytes);
    digest.chunks.push_back(std::move(chunk->sha256));
  }
  digest.sha256 = whole.hex();
  return digest;
}
