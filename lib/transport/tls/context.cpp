#include "lib/transport/tls/context.hpp"

#include <array>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "lib/observe/log.hpp"
#include "lib/transport/tls/pem_file.hpp"

namespace sluice::core {
namespace {

using Setting = TlsProblem::Setting;

// For TLS 1.2; all ciphers of TLS 1.3 have forward secrecy.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr long kClientChainBytesMax = 64 * 1024;
constexpr std::string_view kSessionScope = "sluice";  // required for sessions of clients with certificates

using Key = std::unique_ptr<EVP_PKEY, OpenSslFree<EVP_PKEY_free>>;

// Wiped at its end: it may be a private key.
struct Text {
  std::string bytes;
  Text() = default;
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  ~Text() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
};

// Otherwise OpenSSL would ask at the terminal.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

using Used = Result<void, TlsProblem>;

Used use_certificate(SSL_CTX* context, const std::string& path) {
  const auto wrong = [](std::string message) { return TlsProblem{Setting::certificate, std::move(message)}; };
  Text text;
  if (auto read = read_pem_file(path, text.bytes); !read) return wrong(std::move(read).error().what);
  auto certificates = read_certificates(text.bytes);
  if (!certificates) return wrong(std::move(certificates).error().what);
  Certificates& chain = certificates.value();
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1) {
    return wrong("can't be used: " + openssl_reason());
  }
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add0_chain_cert(context, chain[i].get()) != 1) {
      return wrong("can't be used: " + openssl_reason());
    }
    static_cast<void>(chain[i].release());
  }
  return success();
}

Used use_key(SSL_CTX* context, const std::string& path) {
  const auto wrong = [](std::string message) { return TlsProblem{Setting::key, std::move(message)}; };
  Text text;
  if (auto read = read_pem_file(path, text.bytes); !read) return wrong(std::move(read).error().what);
  bool encrypted = false;
  const Key key(PEM_read_bio_PrivateKey(reader_of(text.bytes).get(), nullptr, no_passphrase, &encrypted));
  if (encrypted) {
    ERR_clear_error();
    return wrong("is protected by a passphrase; a key without one is needed");
  }
  if (!key) return wrong("holds no PEM private key: " + openssl_reason());
  if (X509_check_private_key(SSL_CTX_get0_certificate(context), key.get()) != 1) {
    return wrong("does not fit the certificate: " + openssl_reason());
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) return wrong("can't be used: " + openssl_reason());
  return success();
}

Used use_client_ca(SSL_CTX* context, const TlsSettings& settings) {
  if (settings.client_ca.empty()) return success();
  const auto wrong = [](std::string message) { return TlsProblem{Setting::client_ca, std::move(message)}; };
  Text text;
  if (auto read = read_pem_file(settings.client_ca, text.bytes); !read)
    return wrong(std::move(read).error().what);
  auto certificates = read_certificates(text.bytes);
  if (!certificates) return wrong(std::move(certificates).error().what);
  for (const Certificate& each : certificates.value()) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), each.get()) != 1 ||
        SSL_CTX_add_client_CA(context, each.get()) != 1) {
      return wrong("can't be used: " + openssl_reason());
    }
  }
  const int required = settings.require_client_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | required, nullptr);
  return success();
}

// HTTP clients may ask for a protocol; other protocols need no name.
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  static constexpr std::array<unsigned char, 9> kHttp = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* selected = nullptr;
  if (SSL_select_next_proto(&selected, out_size, kHttp.data(), kHttp.size(), offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

// False if out of memory.
bool configure(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Idle connections hold no buffers; one system call reads all available input.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(context, kClientChainBytesMax);
  SSL_CTX_set_alpn_select_cb(context, select_protocol, nullptr);
  const auto* const scope = reinterpret_cast<const unsigned char*>(kSessionScope.data());
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, kCiphers) == 1 &&
         SSL_CTX_set_session_id_context(context, scope, kSessionScope.size()) == 1;
}

}  // namespace

std::string describe(const TlsProblem& problem, const TlsSettings& settings) {
  const auto text = [&](const char* name, const std::string& file) {
    return std::string(name) + " = \"" + printable(file) + "\" " + problem.message;
  };
  switch (problem.setting) {
    case Setting::certificate:
      return text("certificate", settings.certificate);
    case Setting::key:
      return text("key", settings.key);
    case Setting::client_ca:
      return text("client_ca", settings.client_ca);
  }
  return problem.message;
}

TlsContext::TlsContext(bool plain_allowed)
    : context_(SSL_CTX_new(TLS_server_method())), plain_allowed_(plain_allowed) {
  if (context_ == nullptr || !configure(context_)) {
    SSL_CTX_free(context_);
    ERR_clear_error();
    throw std::bad_alloc();
  }
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Result<std::shared_ptr<const TlsContext>, TlsProblem> TlsContext::load(const TlsSettings& settings) {
  ERR_clear_error();
  const std::shared_ptr<TlsContext> made(new TlsContext(settings.optional));
  Used used = use_certificate(made->context_, settings.certificate);
  if (used) used = use_key(made->context_, settings.key);
  if (used) used = use_client_ca(made->context_, settings);
  if (!used) return std::move(used).error();
  return std::shared_ptr<const TlsContext>(made);
}

ssl_st* TlsContext::new_connection() const {
  SSL* const connection = SSL_new(context_);
  if (connection != nullptr) SSL_set_accept_state(connection);
  return connection;
}

}  // namespace sluice::core
