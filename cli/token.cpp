#include "cli/token.hpp"

#include <openssl/evp.h>
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

#include "proto/utf8.hpp"

namespace sluice::client {
namespace {

constexpr std::size_t kTokenBytes = 32;       // of chance
constexpr std::size_t kTokenBytesMax = 1024;  // what a server looks at
constexpr std::size_t kLineEndBytes = 2;

// Base64 as URLs have it (RFC 4648, section 5), without padding.
std::string base64url(const std::array<unsigned char, kTokenBytes>& bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  constexpr unsigned kDigitBits = 6;
  std::string text;
  unsigned pending = 0;
  unsigned bits = 0;
  for (const unsigned char byte : bytes) {
    pending = pending << 8u | byte;
    for (bits += 8; bits >= kDigitBits; bits -= kDigitBits) {
      text += kDigits[pending >> (bits - kDigitBits) & 0x3Fu];
    }
  }
  if (bits > 0) text += kDigits[pending << (kDigitBits - bits) & 0x3Fu];
  return text;
}

}  // namespace

Result<std::string> new_token() {
  std::array<unsigned char, kTokenBytes> bytes;
  // getrandom() returns so few bytes whole, and at once after the system's start.
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return Failure{ExitCode::rpc_error, "cannot get random bytes from the system"};
  }
  return base64url(bytes);
}

Result<std::string> digest_line(std::string_view token) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (EVP_Digest(token.data(), token.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    return Failure{ExitCode::rpc_error, "cannot compute a SHA-256"};
  }
  std::string line = "token_sha256 = \"";
  for (unsigned i = 0; i < size; ++i) {
    constexpr std::string_view kHex = "0123456789abcdef";
    line += kHex[digest[i] >> 4u];
    line += kHex[digest[i] & 0xFu];
  }
  return line + "\"";
}

Result<std::string> read_token(std::istream& in, std::string_view where) {
  std::string text(kTokenBytesMax + kLineEndBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  const std::string source(where);
  if (text.empty()) return usage_error("no token " + source);
  if (text.size() > kTokenBytesMax) return usage_error("the token " + source + " is too long");
  if (text.find_first_of("\r\n") != std::string::npos) return usage_error("more than one line " + source);
  if (!proto::is_utf8(text)) return usage_error("the token " + source + " is not UTF-8");
  return text;
}

Result<std::string> token_of_user(const std::string& file) {
  if (file == "-") return read_token(std::cin, "on stdin");
  if (!file.empty()) {
    std::ifstream in(file, std::ios::binary);
    if (!in) return usage_error("cannot read " + file + ": " + std::strerror(errno));
    return read_token(in, "in " + file);
  }
  const char* const from_environment = std::getenv("SLUICE_TOKEN");
  if (from_environment == nullptr || *from_environment == '\0') return std::string();
  std::istringstream in(from_environment);
  return read_token(in, "in SLUICE_TOKEN");
}

}  // namespace sluice::client
