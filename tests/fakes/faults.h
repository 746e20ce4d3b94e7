#pragma once

#include <functional>
#include <string_view>

namespace weir::fakes {

/// What becomes of one call to a store.
enum class Fate {
  kDone,            ///< Takes effect and says so.
  kUnavailable,     ///< Nothing happens and it says so.
  kLostRequest,     ///< Nothing happens; the caller cannot know.
  kLostAnswer,      ///< Takes effect; the caller cannot know.
  kLate,            ///< The caller cannot know; takes effect later, when `World::land_late` says so.
  kKilledBefore,    ///< The calling process dies; nothing happens.
  kKilledAfter,     ///< The calling process dies; it takes effect.
};

/// Thrown through the code under test when its process dies. The only exception there is; the simulation catches it.
struct Killed {
  int process = 0;
};

/// Asked before every call of every fake; `step` names the call ("lake.commit"). The simulation decides by its seed, a
/// test by its script. It may run other processes before it answers: that is how a process is paused inside a call.
using FateOf = std::function<Fate(std::string_view step)>;

/// Takes an effect that lands later. Dropping it is allowed: a request may be lost for good.
using LandLate = std::function<void(std::function<void()>)>;

struct Faults {
  FateOf fate = [](std::string_view) { return Fate::kDone; };
  LandLate land_late = [](const std::function<void()>&) {};
  int process = 0;
};

}  // namespace weir::fakes
