// SHA-256 of files as a service: `file_digest ROOT [ADDRESS]`. Only regular files beneath ROOT are read.
//
//   {"jsonrpc":"2.0","id":1,"method":"digest.file","params":{"path":"a/b.iso","chunk_bytes":1048576}}
#include <cstdio>
#include <exception>
#include <optional>
#include <sluice/server.hpp>
#include <string>

#include "digest.hpp"
#include "file.hpp"

namespace {

using ChunkBytes = sluice::Within<4096, 4 << 20>;
constexpr std::uint64_t kChunkBytesDefault = 1 << 20;
// Keeps an answer within the server's max_response.
constexpr std::uint64_t kChunksMax = 100'000;
// Each call has threads of its own.
constexpr std::size_t kCallsAtOnce = 4;

sluice::Result<FileDigest> digest(const Descriptor& root, sluice::Call& call, const std::string& path,
                                  std::optional<ChunkBytes> chosen) {
  const std::uint64_t chunk_bytes = chosen ? static_cast<std::uint64_t>(chosen->value) : kChunkBytesDefault;
  sluice::Result<File> file = open_beneath(root, path);
  if (!file) return file.error();
  if (file.value().bytes / chunk_bytes > kChunksMax) {
    return sluice::invalid_params("/chunk_bytes", "chunks so large that there are at most 100000");
  }
  return digest_file(file.value(), chunk_bytes, call);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::fprintf(stderr, "usage: file_digest ROOT [ADDRESS]\n");
    return 2;
  }
  const Descriptor root = open_root(argv[1]);
  sluice::Server server({.listen = {argc > 2 ? argv[2] : "tcp://127.0.0.1:0"}});
  server.add("digest.file", {"path", "chunk_bytes"},
             [&root](sluice::Call& call, const std::string& path, std::optional<ChunkBytes> chunk_bytes) {
               return digest(root, call, path, chunk_bytes);
             },
             {.timeout = std::chrono::minutes(10),
              .max_concurrent = kCallsAtOnce,
              .summary = "SHA-256 of a file and of its chunks"});
  return server.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "file_digest: %s\n", error.what());
  return 1;
}
