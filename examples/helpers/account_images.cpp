// Memory with a limit: `account_images [ADDRESS]` draws images, which may take 64 MiB together and 32 MiB for
// thumbnails. What there is no room for is refused at once, with when to come back.
//
//   echo '{"jsonrpc":"2.0","id":1,"method":"image.draw","params":[640,480]}' | nc -N 127.0.0.1 PORT
#include <cstdint>
#include <cstdio>
#include <exception>
#include <numeric>
#include <optional>
#include <sluice/server.hpp>
#include <sluice/service/resource_account.hpp>
#include <vector>

namespace {

using Side = sluice::Within<1, 100'000>;

constexpr int kNoMemory = 1;
constexpr std::uint64_t kMiB = 1 << 20;

// The sum of all pixels of a grey gradient, in place of the image itself.
sluice::Result<std::uint64_t> draw(const sluice::ResourceAccount& memory, Side width, Side height) {
  const auto bytes = static_cast<std::uint64_t>(width.value * height.value);
  const std::optional<sluice::Reservation> room = memory.try_reserve(bytes);  // until the image is gone
  if (!room) return sluice::Error{kNoMemory, "Too many images at once", {{"retry_after_ms", 100}}};
  std::vector<std::uint8_t> pixels(bytes);
  std::iota(pixels.begin(), pixels.end(), std::uint8_t{0});
  return std::accumulate(pixels.begin(), pixels.end(), std::uint64_t{0});
}

}  // namespace

int main(int argc, char** argv) try {
  const sluice::ResourceAccount images(64 * kMiB);
  const sluice::ResourceAccount thumbnails(32 * kMiB, images);
  sluice::Server server({.listen = {argc > 1 ? argv[1] : "tcp://127.0.0.1:0"}});
  server.add("image.draw", {"width", "height"},
             [&](Side width, Side height) { return draw(images, width, height); });
  server.add("image.thumbnail", {"width", "height"},
             [&](Side width, Side height) { return draw(thumbnails, width, height); });
  server.add("image.memory", {}, [&] {
    return sluice::Json{{"bytes", images.current()}, {"peak", images.peak()}, {"limit", images.limit()}};
  });
  return server.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "account_images: %s\n", error.what());
  return 1;
}
