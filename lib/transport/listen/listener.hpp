// Listener: accepts connections from one listening socket.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "lib/observe/rare_line.hpp"
#include "lib/transport/listen/listening_socket.hpp"
#include "lib/transport/listener_policy.hpp"
#include "lib/transport/session_host.hpp"

namespace sluice::core {

struct PeerName;

// Accepts on the first I/O thread and passes each connection to the thread with the fewest. At the limit of
// descriptors of the process or the system it uses a reserve descriptor to refuse clients at once instead of
// leaving them waiting. Then it pauses, so that it never spins. Its members run on its I/O thread.
class Listener : public std::enable_shared_from_this<Listener>, private Deadline {
 public:
  // `hosts` are all I/O threads' connections; the listener runs on the first one's thread.
  Listener(std::unique_ptr<ListeningSocket> socket, const std::vector<SessionHost*>& hosts,
           ConnectionLimit& limit, SharedPolicy policy);

  void start();
  // For new connections, and for open ones from their next message on. Any thread.
  void set_policy(SharedPolicy policy) { policy_->set(std::move(policy)); }
  // No connection is accepted from here on. The socket is closed, unless it was inherited; then it is only
  // released.
  void stop();

  // Any thread.
  const Address& address() const { return address_; }
  // See ListeningSocket.
  bool change_mode(std::uint32_t mode) const { return socket_->change_mode(mode); }

 private:
  void wait();
  void accept_some();
  bool take_one();
  bool accept_one();
  void admit(Descriptor socket, const PeerName& peer, TimePoint began);
  void refuse_for_descriptors();
  void refuse_for_limit(CloseReason reason, RareLine& line, std::string_view limit);
  void pause_accepting(const char* why);
  void on_deadline(TimePoint) override;
  SessionHost& least_busy() const;

  const Address address_;
  const std::string name_;  // the address, for the log
  std::unique_ptr<ListeningSocket> socket_;
  const std::vector<SessionHost*> hosts_;
  IoThread& io_;
  ConnectionLimit& limit_;
  const std::shared_ptr<LivePolicy> policy_;
  boost::asio::posix::stream_descriptor watch_;  // a duplicate, so that the socket is closed in order
  Descriptor reserve_;
  RareLine rests_;
  RareLine not_taken_;
  RareLine full_;
  RareLine peer_full_;
  bool stopped_ = false;
};

}  // namespace sluice::core
