#include "lib/backend/upstream/name_lookup.hpp"

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

#include <netdb.h>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

namespace sluice::core {
namespace {

using boost::system::error_code;

std::atomic<int> lookups{0};

error_code look_up(const std::string& host, std::uint16_t port, std::vector<NameLookup::Endpoint>& found) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* first = nullptr;
  const int failure = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &first);
  if (failure == EAI_AGAIN) return boost::asio::error::host_not_found_try_again;
  if (failure == EAI_MEMORY) return boost::asio::error::no_memory;
  if (failure != 0) return boost::asio::error::host_not_found;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(first, &::freeaddrinfo);
  for (const addrinfo* each = first; each != nullptr; each = each->ai_next) {
    found.emplace_back(each->ai_addr, each->ai_addrlen);
  }
  return {};
}

}  // namespace

// Shared with the thread, which may outlive both the look-up's owner and the context. The lock is held to
// move pointers, and to post, which has to come before the context's end.
struct NameLookup::Waiting {
  std::mutex mutex;
  Done done;  // empty once it was called, or is about to be
  boost::asio::io_context* context;

  void tell(error_code error, std::vector<Endpoint> found) {
    const std::lock_guard lock(mutex);
    if (!done) return;
    boost::asio::post(*context, [notify = std::exchange(done, {}), error,
                                 found = std::move(found)]() mutable { notify(error, std::move(found)); });
  }
};

void NameLookup::look_up_for(Waiting& waiting, const std::string& host, std::uint16_t port) noexcept {
  std::vector<Endpoint> found;
  error_code error = boost::asio::error::no_memory;
  try {
    error = look_up(host, port, found);
  } catch (const std::bad_alloc&) {
    found.clear();
  }
  lookups.fetch_sub(1);
  try {
    waiting.tell(error, std::move(found));
  } catch (const std::bad_alloc&) {
    // Its owner's time limit ends the wait.
  }
}

void NameLookup::start(const std::string& host, std::uint16_t port, Done done) {
  waiting_ = std::make_shared<Waiting>();
  waiting_->done = std::move(done);
  waiting_->context = &context_;
  if (lookups.fetch_add(1) >= kLookupsMax) {
    lookups.fetch_sub(1);
    return waiting_->tell(boost::asio::error::try_again, {});
  }
  try {
    std::thread([waiting = waiting_, host, port] { look_up_for(*waiting, host, port); }).detach();
  } catch (const std::exception&) {
    lookups.fetch_sub(1);
    waiting_->tell(boost::asio::error::no_memory, {});
  }
}

void NameLookup::cancel() {
  if (waiting_) waiting_->tell(boost::asio::error::operation_aborted, {});
  waiting_.reset();
}

}  // namespace sluice::core
