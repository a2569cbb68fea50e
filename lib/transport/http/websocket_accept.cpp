#include "lib/transport/http/websocket_accept.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <new>

#include <openssl/evp.h>

namespace sluice::core {
namespace {

constexpr std::size_t kKeyLetters = 24;  // 22 letters of data and two `=`
constexpr std::size_t kDigestBytes = 20;
constexpr std::size_t kAcceptLetters = 28;
constexpr std::string_view kSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

bool is_base64(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

bool is_key(std::string_view key) {
  if (key.size() != kKeyLetters || !key.ends_with("==")) return false;
  key.remove_suffix(2);
  return std::all_of(key.begin(), key.end(), is_base64);
}

}  // namespace

std::optional<std::string> websocket_accept(std::string_view key) {
  if (!is_key(key)) return std::nullopt;
  std::array<char, kKeyLetters + kSuffix.size()> text{};
  kSuffix.copy(text.data() + key.copy(text.data(), kKeyLetters), kSuffix.size());
  std::array<unsigned char, kDigestBytes> digest{};
  // It is a checksum here, against peers that don't speak the protocol; it protects no secret.
  if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr) != 1)
    throw std::bad_alloc();
  std::array<unsigned char, kAcceptLetters + 1> letters{};  // a NUL is written behind the letters
  EVP_EncodeBlock(letters.data(), digest.data(), static_cast<int>(digest.size()));
  return std::string(letters.begin(), letters.end() - 1);
}

}  // namespace sluice::core
