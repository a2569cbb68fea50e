// Route to an upstream: what all connections to one endpoint are made of.
#pragma once

#include <memory>
#include <string>

#include "lib/backend/backend_hub.hpp"
#include "lib/backend/upstream/authorities.hpp"
#include "lib/backend/upstream/log.hpp"
#include "lib/backend/upstream/secrets.hpp"
#include "lib/backend/upstream/sessions.hpp"
#include "lib/backend/upstream/url.hpp"

namespace sluice::core {

struct UpstreamRoute {
  BackendHub& hub;
  const UpstreamSettings& settings;
  Dialect dialect;
  UpstreamUrl url;
  std::string label;  // what the log calls it
  std::shared_ptr<UpstreamAuthorities> authorities;
  std::shared_ptr<UpstreamSessions> sessions;
  const UpstreamHeaders& headers;
  UpstreamLog& log;

  // What the call's method is called there.
  std::string method_of(const ActiveCall& call) const;
};

}  // namespace sluice::core
