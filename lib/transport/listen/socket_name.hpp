// The names of sockets, as the system gives them.
#pragma once

#include <optional>

#include <sys/socket.h>

#include "lib/base/address.hpp"

namespace sluice::core {

// Of TCP over IPv4 or IPv6.
Address tcp_address(const sockaddr_storage& name);

// Of a name of `size` bytes, of TCP or a Unix socket. An abstract one begins with an @, as other programs
// show it. Nothing for other families.
std::optional<Address> address_of_name(const sockaddr_storage& name, socklen_t size);

}  // namespace sluice::core
