#include "lib/rpc/call_listing.hpp"

#include <algorithm>
#include <utility>

#include "lib/call/async_handler.hpp"

namespace sluice::core {
namespace {

std::string_view phase_of(const ActiveCall& call, WorkerLink& workers) {
  using Stage = ActiveCall::Stage;
  if (call.answered) return "abandoned";
  const bool waits = call.stage == Stage::starting || (call.stage == Stage::pooled && workers.waits(call));
  return waits ? "waiting" : "running";
}

CallListing listing_of(const ActiveCall& call, WorkerLink& workers) {
  CallListing listing;
  listing.method = call.request.method.substr(0, kListedTextMax);
  if (call.request.id.size() <= kListedTextMax) listing.id = call.request.id;
  if (call.grant) listing.client = call.grant->client_name();
  if (const auto& async = call.method->spec().async) listing.backend = async->backend();
  if (call.stage == ActiveCall::Stage::async && !listing.backend.empty()) listing.serial = call.serial;
  listing.phase = phase_of(call, workers);
  listing.received = call.received;
  listing.deadline = call.deadline;
  return listing;
}

}  // namespace

std::size_t list_calls(IoThread& io, std::span<ActiveCall* const> asking, std::vector<CallListing>& to) {
  std::size_t total = 0;
  io.calls().for_each([&](ActiveCall& call) {
    if (call.method == nullptr || std::ranges::find(asking, &call) != asking.end()) return;
    if (total++ < kListedCallsMax) to.push_back(listing_of(call, io.workers()));
  });
  return total;
}

}  // namespace sluice::core
