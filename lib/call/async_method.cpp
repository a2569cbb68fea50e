#include <exception>
#include <new>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "lib/call/async_handler.hpp"
#include "lib/include/sluice/async.hpp"
#include "lib/include/sluice/params.hpp"

namespace sluice {
namespace {

namespace asio = boost::asio;

// One running coroutine with its state.
struct Running {
  Running(core::ActiveCall& of, asio::io_context& on) : call(of), view(of), context(on) {}

  core::ActiveCall& call;
  Call view;
  asio::io_context& context;
  Json params;
  asio::cancellation_signal cancel;
  // A stop request may come on this thread, usually while another call is processed. It is emitted later, so
  // that a coroutine never runs inside that.
  std::optional<std::stop_callback<std::function<void()>>> on_stop;
};

void compose_outcome(core::ActiveCall& call, const std::exception_ptr& thrown, const Result<Json>& result) {
  try {
    if (thrown) std::rethrow_exception(thrown);
    if (result.ok()) {
      core::compose_result(call, result.value().dump(-1, ' ', false, Json::error_handler_t::replace));
    } else {
      core::compose_error(call, core::to_wire(result.error()));
    }
    return;
  } catch (const std::exception& exception) {
    if (!call.answered) core::log_handler_exception(call, exception.what());
  } catch (...) {
    core::log_handler_exception(call, "something that is not a std::exception");
  }
  core::compose_internal_error(call);
}

// In every case the call gets an outcome.
void finish(core::ActiveCall& call, const std::exception_ptr& thrown, const Result<Json>& result) noexcept {
  try {
    compose_outcome(call, thrown, result);
  } catch (const std::bad_alloc&) {
    core::compose_internal_error(call);
  }
}

class CoroutineHandler final : public core::AsyncHandler {
 public:
  explicit CoroutineHandler(AsyncFunction function) : function_(std::move(function)) {}

  void start(core::ActiveCall& call, asio::io_context& context) override {
    auto running = std::make_shared<Running>(call, context);
    asio::post(context, [this, running] { begin(running); });
  }

 private:
  void begin(const std::shared_ptr<Running>& running) const {
    const auto ended = [running](const std::exception_ptr& thrown, const Result<Json>& result) {
      running->on_stop.reset();
      finish(running->call, thrown, result);
      core::end_async(running->call);
    };
    try {
      const std::string_view params = running->call.request.params;
      Mismatch mismatch;
      auto tree = params.empty() ? std::optional<Json>(Json(nullptr)) : parse_json(params, mismatch);
      if (!tree) return ended(nullptr, invalid_params(mismatch.path, mismatch.expected));
      running->params = std::move(*tree);
      forward_stop(running);
      // Coroutines take terminal cancellation only, unless they ask for another kind.
      asio::co_spawn(running->context, function_(running->view, running->params),
                     asio::bind_cancellation_slot(running->cancel.slot(), ended));
    } catch (...) {
      // A function may throw before it returns a coroutine.
      ended(std::current_exception(), Error{});
    }
  }

  static void forward_stop(const std::shared_ptr<Running>& running) {
    running->on_stop.emplace(running->view.stop_token(), [weak = std::weak_ptr(running)] {
      const auto target = weak.lock();
      if (!target) return;
      try {
        asio::post(target->context, [target] { target->cancel.emit(asio::cancellation_type::all); });
      } catch (const std::bad_alloc&) {
        // This function must not throw; the coroutine runs to its own end.
      }
    });
  }

  AsyncFunction function_;
};

}  // namespace

MethodSpec async_method(std::string name, AsyncFunction function, MethodOptions options) {
  MethodSpec spec;
  spec.name = std::move(name);
  spec.kind = HandlerKind::async;
  spec.async = std::make_shared<CoroutineHandler>(std::move(function));
  spec.options = std::move(options);
  return spec;
}

}  // namespace sluice
