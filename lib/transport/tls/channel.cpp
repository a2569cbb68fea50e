#include "lib/transport/tls/channel.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "lib/observe/log.hpp"

namespace sluice::core {
namespace {

// Records without data (new keys, handshakes) are read within this limit beyond the requested size.
constexpr std::size_t kExtraBytesMax = SSL3_RT_MAX_PACKET_SIZE;

// Records taken from OpenSSL in one read, which is 0.1 ms if each holds a byte.
constexpr std::size_t kRecordsPerRead = 64;

}  // namespace

// OpenSSL's own socket BIO writes without MSG_NOSIGNAL, and the embedding program owns SIGPIPE.
int TlsChannel::socket_read(bio_st* bio, char* to, std::size_t size, std::size_t* got) {
  auto& socket = *static_cast<Socket*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (socket.budget == 0) {
    BIO_set_retry_read(bio);  // the socket stays readable, and is reported again
    return -1;
  }
  ssize_t count = 0;
  do {
    count = ::recv(socket.descriptor, to, std::min(size, socket.budget), 0);
  } while (count < 0 && errno == EINTR);
  socket.error = count < 0 ? errno : 0;
  if (count > 0) {
    *got = static_cast<std::size_t>(count);
    socket.budget -= *got;
    return 1;
  }
  if (count == 0) socket.end_seen = true;
  if (socket.error == EAGAIN) BIO_set_retry_read(bio);
  return static_cast<int>(count);
}

int TlsChannel::socket_write(bio_st* bio, const char* bytes, std::size_t size, std::size_t* sent) {
  auto& socket = *static_cast<Socket*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  ssize_t count = 0;
  do {
    count = ::send(socket.descriptor, bytes, size, MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  socket.error = count < 0 ? errno : 0;
  if (count >= 0) {
    *sent = static_cast<std::size_t>(count);
    return 1;
  }
  if (socket.error == EAGAIN) BIO_set_retry_write(bio);
  return -1;
}

long TlsChannel::socket_control(bio_st* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return static_cast<Socket*>(BIO_get_data(bio))->end_seen ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

bio_st* TlsChannel::make_bio(Socket& socket) {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sluice socket");
    if (made == nullptr) throw std::bad_alloc();
    BIO_meth_set_read_ex(made, socket_read);
    BIO_meth_set_write_ex(made, socket_write);
    BIO_meth_set_ctrl(made, socket_control);
    return made;
  }();
  BIO* const bio = BIO_new(method);
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, &socket);
  BIO_set_init(bio, 1);
  return bio;
}

void TlsChannel::Free::operator()(ssl_st* connection) const { SSL_free(connection); }

TlsChannel::TlsChannel(const TlsContext& context, int socket, std::string peer)
    : socket_{socket}, connection_(context.new_connection()), peer_(std::move(peer)) {
  if (!connection_) throw std::bad_alloc();
  BIO* const bio = make_bio(socket_);
  SSL_set_bio(connection_.get(), bio, bio);
  SSL_set_msg_callback(connection_.get(), on_protocol);
  SSL_set_msg_callback_arg(connection_.get(), this);
}

TlsChannel::~TlsChannel() = default;

// OpenSSL reads records until there is data. Once it assumes that the client has ended, it stops at the next
// record.
void TlsChannel::on_protocol(int outgoing, int, int type, const void*, std::size_t, ssl_st* connection,
                             void* channel) {
  if (outgoing != 0 || type != SSL3_RT_HEADER) return;
  auto& self = *static_cast<TlsChannel*>(channel);
  self.note_established();
  if (self.idle_records_.take(self.established_)) return;
  self.flooded_ = true;
  SSL_set_shutdown(connection, SSL_RECEIVED_SHUTDOWN);
}

void TlsChannel::note_established() {
  if (established_ || SSL_is_init_finished(connection_.get()) != 1) return;
  established_ = true;
  idle_records_.establish();
}

// The record was counted on arrival.
void TlsChannel::count_data(std::size_t bytes) {
  note_established();
  idle_records_.take_data(bytes);
}

TlsChannel::Transfer TlsChannel::read(char* to, std::size_t size) {
  buffered_ = false;
  if (failed_) return established_ ? Transfer{Status::failed, 0} : drop_input(to, size);
  socket_.budget = size + kExtraBytesMax;
  std::size_t done = 0;
  for (std::size_t records = 0; done < size && records < kRecordsPerRead; ++records) {
    std::size_t got = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(connection_.get(), to + done, size - done, &got);
    if (result != 1) {
      const Status status = trouble(result);
      if (done == 0) return {status, 0};
      buffered_ = status == Status::end || status == Status::failed;  // reported by the next read
      return {Status::ok, done};
    }
    count_data(got);
    done += got;
    if (SSL_has_pending(connection_.get()) != 1) return {Status::ok, done};
  }
  buffered_ = true;
  return {Status::ok, done};
}

TlsChannel::Transfer TlsChannel::drop_input(char* to, std::size_t size) {
  const ssize_t got = ::recv(socket_.descriptor, to, size, 0);
  if (got == 0) return {Status::end, 0};
  const bool lives = got > 0 || errno == EAGAIN || errno == EINTR;
  return {lives ? Status::wants_input : Status::failed, 0};
}

TlsChannel::Transfer TlsChannel::write(std::string_view bytes) {
  if (failed_) return {Status::failed, 0};
  std::size_t sent = 0;
  socket_.budget = kExtraBytesMax;
  ERR_clear_error();
  const int result = SSL_write_ex(connection_.get(), bytes.data(), bytes.size(), &sent);
  write_waits_ = result != 1;
  if (result == 1) return {Status::ok, sent};
  const Status status = trouble(result);
  return {status == Status::end ? Status::failed : status, 0};
}

TlsChannel::Status TlsChannel::end_sending() {
  if (ended_ || failed_ || !established_ || write_waits_) return Status::ok;
  ERR_clear_error();
  const int result = SSL_shutdown(connection_.get());
  const Status status = result >= 0 ? Status::ok : trouble(result);
  // A second call would read, and wait for the client's close_notify.
  ended_ = status != Status::wants_room;
  return ended_ ? Status::ok : status;
}

TlsChannel::Status TlsChannel::trouble(int result) {
  note_established();
  const int error = SSL_get_error(connection_.get(), result);
  if (error == SSL_ERROR_WANT_READ) return Status::wants_input;
  if (error == SSL_ERROR_WANT_WRITE) return Status::wants_room;
  if (error == SSL_ERROR_ZERO_RETURN && !flooded_) return Status::end;
  failed_ = true;
  log_failure(error);
  ERR_clear_error();
  return Status::failed;
}

// OpenSSL's reasons are fixed texts: they contain nothing from the client.
void TlsChannel::log_failure(int error) const {
  if (!log_enabled(spdlog::level::debug)) return;
  const char* reason = error == SSL_ERROR_SSL ? ERR_reason_error_string(ERR_peek_error()) : nullptr;
  if (flooded_) reason = "too many records without data";
  if (reason == nullptr) reason = socket_.error != 0 ? std::strerror(socket_.error) : "unknown error";
  const long verdict = SSL_get_verify_result(connection_.get());
  try {
    std::string text = established_ ? "TLS connection lost: " : "TLS handshake failed: ";
    text += reason;
    if (!established_ && verdict != X509_V_OK)
      text.append(": ").append(X509_verify_cert_error_string(verdict));
    log_fields(spdlog::level::debug, text, std::array<LogField, 1>{{{"peer", peer_}}});
  } catch (const std::bad_alloc&) {
    // The connection is lost anyway.
  }
}

std::optional<std::string> TlsChannel::peer_certificate() const {
  X509* const certificate = established_ ? SSL_get0_peer_certificate(connection_.get()) : nullptr;
  if (certificate == nullptr || SSL_get_verify_result(connection_.get()) != X509_V_OK) return std::nullopt;
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new(BIO_s_mem()), &BIO_free);
  if (!text || X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0) {
    ERR_clear_error();
    throw std::bad_alloc();
  }
  char* begin = nullptr;
  const long size = BIO_get_mem_data(text.get(), &begin);
  return std::string(begin, static_cast<std::size_t>(size));
}

}  // namespace sluice::core
