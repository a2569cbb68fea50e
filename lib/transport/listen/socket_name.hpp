// Socket name: conversion of the system's socket addresses.
#pragma once

#include <optional>

#include <sys/socket.h>

#include "lib/base/address.hpp"

namespace sluice::core {

// For TCP over IPv4 or IPv6.
Address tcp_address(const sockaddr_storage& name);

// For a name of `size` bytes, of TCP or a Unix socket. An abstract name begins with @, as in other programs.
// Nothing for other families.
std::optional<Address> address_of_name(const sockaddr_storage& name, socklen_t size);

}  // namespace sluice::core
