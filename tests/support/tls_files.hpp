// Certificates for tests, made on the spot, and a client's end of TLS.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

namespace sluice::testing {

// A key and a certificate of its own authority, with what it has issued, as files of a folder that goes with
// it.
class TlsFiles {
 public:
  TlsFiles() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-tls-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder");
    folder_ = pattern;
    authority_key_ = new_key();
    authority_ = issue("authority", "authority", nullptr, authority_key_.get());
  }
  ~TlsFiles() { std::filesystem::remove_all(folder_); }
  TlsFiles(const TlsFiles&) = delete;
  TlsFiles& operator=(const TlsFiles&) = delete;

  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  // NAME.pem and NAME.key, with the subject O=Example, CN=common_name.
  void issue(const std::string& name, const std::string& common_name) {
    const Key key = new_key();
    issue(name, common_name, authority_.get(), key.get());
  }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  using Key = std::unique_ptr<EVP_PKEY, Free>;
  using Certificate = std::unique_ptr<X509, Free>;

  static Key new_key() { return Key(EVP_EC_gen("P-256")); }

  Certificate issue(const std::string& name, const std::string& common_name, X509* issuer, EVP_PKEY* key) {
    Certificate made(X509_new());
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
    X509_NAME* const subject = X509_get_subject_name(made.get());
    add(subject, "O", "Example");
    add(subject, "CN", common_name);
    X509_set_issuer_name(made.get(), issuer != nullptr ? X509_get_subject_name(issuer) : subject);
    X509_set_pubkey(made.get(), key);
    if (issuer == nullptr) {
      const std::unique_ptr<X509_EXTENSION, Free> authority(
          X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE"));
      X509_add_ext(made.get(), authority.get(), -1);
    }
    X509_sign(made.get(), authority_key_.get(), EVP_sha256());
    const std::unique_ptr<std::FILE, Free> pem(std::fopen(path(name + ".pem").c_str(), "w"));
    const std::unique_ptr<std::FILE, Free> secret(std::fopen(path(name + ".key").c_str(), "w"));
    if (PEM_write_X509(pem.get(), made.get()) != 1 ||
        PEM_write_PrivateKey(secret.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
      throw std::runtime_error("no certificate");
    }
    return made;
  }

  static void add(X509_NAME* name, const char* field, const std::string& value) {
    X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.data()),
                               static_cast<int>(value.size()), -1, 0);
  }

  std::string folder_;
  long serial_ = 0;
  Key authority_key_;
  Certificate authority_;
};

// A client on a non-blocking socket of the test's.
class TlsClient {
 public:
  explicit TlsClient(int socket, const std::string& certificate = "", const std::string& key = "",
                     int version = TLS1_3_VERSION)
      : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_min_proto_version(context_, version);
    SSL_CTX_set_max_proto_version(context_, version);
    if (!certificate.empty()) {
      SSL_CTX_use_certificate_chain_file(context_, certificate.c_str());
      SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM);
    }
    connection_ = SSL_new(context_);
    SSL_set_fd(connection_, socket);
    SSL_set_connect_state(connection_);
  }
  ~TlsClient() {
    SSL_free(connection_);
    SSL_CTX_free(context_);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // True once done; false while it waits for the server.
  bool handshake() { return SSL_do_handshake(connection_) == 1; }
  bool write(const std::string& bytes) {
    return SSL_write(connection_, bytes.data(), static_cast<int>(bytes.size())) ==
           static_cast<int>(bytes.size());
  }
  // The available bytes, up to `size`.
  std::string read(std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t got = 0;
    SSL_read_ex(connection_, bytes.data(), size, &got);
    bytes.resize(got);
    return bytes;
  }
  void say_end() { SSL_shutdown(connection_); }
  bool end_said() const { return (SSL_get_shutdown(connection_) & SSL_RECEIVED_SHUTDOWN) != 0; }
  SSL* connection() { return connection_; }

 private:
  SSL_CTX* context_;
  SSL* connection_;
};

}  // namespace sluice::testing
