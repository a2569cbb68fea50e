#include "lib/backend/child/start.hpp"

#include <csignal>
#include <system_error>
#include <utility>

namespace sluice::core {

ChildStart::ChildStart(BackendHub& hub, const ChildSettings& settings, Owner& owner)
    : hub_(hub),
      owner_(owner),
      request_(std::make_shared<ChildStarter::Request>(ChildStarter::Request{settings, {}})) {
  request_->done = [this](ChildStarter::Forked forked) { on_forked(std::move(forked)); };
  hub_.starter().start(request_);
  hub_.io().set_deadline(*this, hub_.now() + kForkTimeMax);
}

ChildStart::~ChildStart() {
  hub_.io().clear_deadline(*this);
  watch_nothing();
  if (child_.process.pid > 0) kill_and_reap(child_.process);
}

void ChildStart::on_forked(ChildStarter::Forked forked) {
  if (!forked) {
    hub_.io().clear_deadline(*this);
    return owner_.on_failed(forked.error());
  }
  child_ = std::move(forked).value();
  hub_.io().set_deadline(*this, hub_.now() + kTimeMax);
  try {
    watch(child_.report);
  } catch (const std::system_error& error) {
    abandon({error.what()});
  }
}

void ChildStart::watch(const Descriptor& descriptor) {
  watch_nothing();
  hub_.io().poller().add(descriptor.get(), Poller::kReadable, *this);
  watched_ = descriptor.get();
}

void ChildStart::watch_nothing() {
  if (watched_ >= 0) hub_.io().poller().remove(std::exchange(watched_, -1), *this);
}

void ChildStart::on_ready(std::uint32_t) { ending_ ? look_at_end() : look_at_report(); }

void ChildStart::look_at_report() {
  Report report = read_report(child_.report, request_->settings);
  if (report.state == ReportState::awaited) return;
  if (report.state == ReportState::failed) return await_end(std::move(report.failure));
  hub_.io().clear_deadline(*this);
  watch_nothing();
  SpawnedChild process = std::move(child_.process);
  child_.process.pid = -1;
  owner_.on_begun(std::move(process));
}

void ChildStart::await_end(ChildFailure why) {
  failure_ = std::move(why);
  ending_ = true;
  try {
    watch(child_.process.exit);
  } catch (const std::system_error&) {
    kill_and_reap(child_.process);
    child_.process.pid = -1;
    hub_.io().clear_deadline(*this);
    const ChildFailure failure = failure_;
    owner_.on_failed(failure);
  }
}

void ChildStart::look_at_end() {
  if (!reap(child_.process)) return;
  child_.process.pid = -1;
  watch_nothing();
  hub_.io().clear_deadline(*this);
  const ChildFailure failure = failure_;
  owner_.on_failed(failure);
}

void ChildStart::abandon(ChildFailure why) {
  if (ending_) return;
  if (child_.process.pid <= 0) {
    request_.reset();
    hub_.io().clear_deadline(*this);
    return owner_.on_failed(why);
  }
  kill_group(child_.process.pid, SIGKILL);
  await_end(std::move(why));
}

void ChildStart::on_deadline(TimePoint) {
  hopeless_ = true;
  if (child_.process.pid <= 0)
    return abandon({"no process was forked within " + std::to_string(kForkTimeMax.count()) + " s"});
  Owner& owner = owner_;
  abandon({"it has not begun to run its program in " + std::to_string(kTimeMax.count()) + " s"});
  owner.on_late();  // by now there may be nothing left to be waited for, nor this start
}

}  // namespace sluice::core
