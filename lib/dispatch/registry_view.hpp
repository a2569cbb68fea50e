// The registry as one I/O thread sees it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "lib/dispatch/registry.hpp"
#include "lib/io/io_thread.hpp"

namespace sluice::core {

// Keeps the methods that were looked up in this turn of the loop, since what is read in one turn is mostly
// for the same few: a call then takes neither the registry's lock nor a hash. A removed method may live to
// the end of the turn by this, which is as long as its calls in line would have let it live. I/O thread only.
class RegistryView final : TurnEnd {
 public:
  static constexpr std::size_t kMethodsMax = 8;  // kept

  RegistryView(const Registry& registry, IoThread& io) : registry_(registry), io_(io) {}

  // Finds the call's method, if there is one, and where it is counted. A method that runs in line, so that
  // the call ends within the turn, is kept here, if there is room: the call then costs no counting of
  // references.
  void resolve(ActiveCall& call);

 private:
  struct Kept {
    std::shared_ptr<Method> method;
    MethodShard* counts = nullptr;  // null: not there yet
  };

  static void lend(const Kept& kept, ActiveCall& call);
  void on_turn_end() override;

  const Registry& registry_;
  IoThread& io_;
  // What is lent stays where it is until the turn's end: nothing takes another's place before.
  std::array<Kept, kMethodsMax> kept_;
  std::size_t count_ = 0;
  std::uint64_t version_ = 0;  // of the registry, when the first of them was looked up
};

}  // namespace sluice::core
