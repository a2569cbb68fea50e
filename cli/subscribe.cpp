// `subscribe`: the connections of a subscription, one after another.
#include <unistd.h>

#include <random>

#include "cli/backoff.hpp"
#include "cli/commands.hpp"
#include "cli/exchange.hpp"
#include "cli/interrupt.hpp"
#include "cli/output.hpp"
#include "cli/subscription.hpp"

namespace sluice::client {
namespace {

using Step = Subscription::Step;

class Subscriber {
 public:
  Subscriber(const CommandLine& line, const Interrupt& interrupt)
      : line_(line),
        interrupt_(interrupt),
        subscription_(line.subscribe, line.operands,
                      {[this](std::string_view event) { output_works_ = print_now(event); },
                       [](const std::string& remark) { print_error(remark); }}) {}

  Outcome run();

 private:
  // Until the connection or the subscription ends. A failure: the connection's.
  Result<Step> run_connection();
  Result<Step> read_events(Connection& connection);
  bool is_over() const { return !output_works_ || interrupt_.is_stopped() || interrupt_.output_closed(); }
  // The end for a reason of the user's.
  Outcome outcome() const {
    return output_works_ && !interrupt_.output_closed() ? ExitCode::ok : ExitCode::rpc_error;
  }
  void remark_lost(const Failure& failure);
  void pause_for(std::chrono::milliseconds least);

  const CommandLine& line_;
  const Interrupt& interrupt_;
  Subscription subscription_;
  Backoff backoff_;
  std::minstd_rand random_{std::random_device{}()};
  bool output_works_ = true;
  bool is_lost_ = false;  // it was remarked that the connection is lost
};

void Subscriber::remark_lost(const Failure& failure) {
  if (!is_lost_) print_error(failure.message + "; connecting again");
  is_lost_ = true;
}

void Subscriber::pause_for(std::chrono::milliseconds least) {
  const TimePoint now = Clock::now();
  const double spread = std::uniform_real_distribution<>(0, 1)(random_);
  pause(now + std::max(least, backoff_.next(now, spread)), interrupt_);
}

Result<Step> Subscriber::read_events(Connection& connection) {
  while (!is_over()) {
    Result<std::optional<std::string>> message = receive_json(connection, {TimePoint::max(), interrupt_});
    if (!message) return message.error();
    if (!message.value()) return unreachable(line_.address.text + " closed the connection");
    Step step = subscription_.take(*message.value());
    if (step.kind != Step::Kind::wait) return step;
  }
  return Step{};
}

Result<Step> Subscriber::run_connection() {
  const WaitLimit limit(Clock::now() + line_.timeout, interrupt_);
  Result<std::unique_ptr<Connection>> opened = open_connection(line_, limit);
  if (!opened) return opened.error();
  Connection& connection = *opened.value();
  if (auto sent = connection.send(subscription_.request(), limit); !sent) return sent.error();
  const Result<std::string> reply = receive_reply(connection, line_.address, Subscription::kRequestId, limit);
  if (!reply) return reply.error();
  Step step = subscription_.take_reply(reply.value());
  if (step.kind == Step::Kind::wait) {
    backoff_.opened(Clock::now());
    if (std::exchange(is_lost_, false)) print_error("connected again to " + line_.address.text);
    Result<Step> ended = read_events(connection);
    if (!ended) return ended;
    step = std::move(ended).value();
  }
  connection.close_normally();
  return step;
}

Outcome Subscriber::run() {
  while (true) {
    const Result<Step> step = run_connection();
    if (is_over()) return outcome();
    if (!step) {
      // A refused token stays refused.
      const Failure& failure = step.error();
      const bool for_now = failure.code == ExitCode::unreachable || failure.retry_after;
      if (!subscription_.was_accepted() || !for_now) return failure;
      remark_lost(failure);
      pause_for(failure.retry_after.value_or(std::chrono::milliseconds(0)));
    } else if (step.value().kind == Step::Kind::again) {
      pause_for(step.value().pause);
    } else {
      if (step.value().kind == Step::Kind::failed) return step.value().failure;
      return ExitCode::ok;
    }
    if (is_over()) return outcome();
  }
}

}  // namespace

Outcome run_subscribe(const CommandLine& line) {
  const Interrupt interrupt(catch_first_sigint(), STDOUT_FILENO);
  return Subscriber(line, interrupt).run();
}

}  // namespace sluice::client
