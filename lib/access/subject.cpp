#include "lib/access/subject.hpp"
#include "lib/base/hex_digit.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <strings.h>

namespace sluice::core {
namespace {

template <typename T, void (*release)(T*)>
struct Release {
  void operator()(T* object) const { release(object); }
};
using Object = std::unique_ptr<ASN1_OBJECT, Release<ASN1_OBJECT, ASN1_OBJECT_free>>;
using Name = std::unique_ptr<X509_NAME, Release<X509_NAME, X509_NAME_free>>;
using Memory = std::unique_ptr<BIO, Release<BIO, BIO_free_all>>;

struct Part {
  std::string type;
  std::string value;
  bool joined = false;  // joined to the part before by a plus
};

bool is_type_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '.';
}

// Removes what follows a backslash from the front of the text: a character, or a byte as two digits.
std::optional<char> take_escaped(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const int high = hex_value(text[0]);
  const int low = text.size() > 1 ? hex_value(text[1]) : -1;
  const bool byte = high >= 0 && low >= 0;
  const char found = byte ? static_cast<char>(high * 16 + low) : text[0];
  text.remove_prefix(byte ? 2 : 1);
  return found;
}

// Removes a value from the front of the text, up to a comma or a plus. Blanks around it and quotes must be
// escaped.
std::optional<std::string> take_value(std::string_view& text) {
  std::string value;
  bool blank = text.starts_with(' ');
  if (blank) return std::nullopt;
  while (!text.empty() && text[0] != ',' && text[0] != '+') {
    const char c = text[0];
    text.remove_prefix(1);
    if (c == '"') return std::nullopt;
    blank = c == ' ';
    const auto found = c == '\\' ? take_escaped(text) : std::optional(c);
    if (!found) return std::nullopt;
    value += *found;
  }
  return blank ? std::nullopt : std::optional(std::move(value));
}

std::optional<std::vector<Part>> parts_of(std::string_view text) {
  std::vector<Part> parts;
  for (bool joined = false;;) {
    const auto end = std::ranges::find_if_not(text, is_type_character) - text.begin();
    Part part{std::string(text.substr(0, static_cast<std::size_t>(end))), {}, joined};
    text.remove_prefix(static_cast<std::size_t>(end));
    if (part.type.empty() || !text.starts_with('=')) return std::nullopt;
    text.remove_prefix(1);
    auto value = take_value(text);
    if (!value) return std::nullopt;
    part.value = *std::move(value);
    parts.push_back(std::move(part));
    if (text.empty()) return parts;
    joined = text[0] == '+';
    text.remove_prefix(1);
  }
}

// The type with this name, in either case, or with this number.
Object type_named(const std::string& name) {
  if (Object found{OBJ_txt2obj(name.c_str(), 0)}) return found;
  ERR_clear_error();
  const auto same = [&name](const char* known) {
    return known != nullptr && ::strcasecmp(known, name.c_str()) == 0;
  };
  if (same("E")) return Object(OBJ_dup(OBJ_nid2obj(NID_pkcs9_emailAddress)));
  for (int id = 1, end = OBJ_new_nid(0); id < end; ++id) {
    if (same(OBJ_nid2sn(id)) || same(OBJ_nid2ln(id))) return Object(OBJ_dup(OBJ_nid2obj(id)));
  }
  ERR_clear_error();
  return {};
}

// The text begins with the certificate's last part.
Name name_of(const std::vector<Part>& parts) {
  Name name(X509_NAME_new());
  if (!name) throw std::bad_alloc();
  for (const Part& part : parts) {
    const Object type = type_named(part.type);
    if (!type) return {};
    const auto* const bytes = reinterpret_cast<const unsigned char*>(part.value.data());
    const int size = static_cast<int>(part.value.size());
    const int set = part.joined ? 1 : 0;
    if (X509_NAME_add_entry_by_OBJ(name.get(), type.get(), V_ASN1_UTF8STRING, bytes, size, 0, set) != 1)
      return {};
  }
  return name;
}

// In the certificate's encoding, which sorts the parts that a plus joins.
Name encoded(const Name& name) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_NAME(name.get(), &bytes);
  if (size < 0) return {};
  const unsigned char* at = bytes;
  Name made(d2i_X509_NAME(nullptr, &at, size));
  OPENSSL_free(bytes);
  return made;
}

std::optional<std::string> printed(const Name& name) {
  const Memory text(BIO_new(BIO_s_mem()));
  if (!text) throw std::bad_alloc();
  if (X509_NAME_print_ex(text.get(), name.get(), 0, XN_FLAG_RFC2253) < 0) return std::nullopt;
  char* begin = nullptr;
  const long size = BIO_get_mem_data(text.get(), &begin);
  return std::string(begin, static_cast<std::size_t>(size));
}

}  // namespace

std::optional<std::string> canonical_subject(std::string_view text) {
  const auto parts = parts_of(text);
  if (!parts) return std::nullopt;
  // Hexadecimal bytes of a value that is not text: they stay as they are printed.
  const auto dumped = [](const Part& part) { return part.value.starts_with('#'); };
  if (std::ranges::any_of(*parts, dumped)) return std::string(text);
  const Name name = name_of(*parts);
  const Name made = name ? encoded(name) : Name();
  auto canonical = made ? printed(made) : std::nullopt;
  ERR_clear_error();
  return canonical;
}

}  // namespace sluice::core
