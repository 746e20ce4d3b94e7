#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/identity_set.h"
#include "base/status.h"
#include "engine/object_store.h"

namespace weir::audit {

enum class LetterFate : uint8_t {
  kReplayed,  ///< Went through a plan again, and is no dead letter any more.
  kDropped,   ///< Stays a dead letter that nobody has to look at.
};

/// "replayed", "dropped".
[[nodiscard]] std::string_view to_string(LetterFate fate);

/// What was decided about dead letters of one table. Value type.
struct LetterDecision {
  int64_t number = 0;  ///< 1, 2, ..: per table.
  std::string table;
  LetterFate fate = LetterFate::kReplayed;
  std::string reason;       ///< kDropped: for a person, later.
  std::string plan_id;      ///< kReplayed: of the plan that makes the rows.
  int64_t recorded_us = 0;  ///< Microseconds since 1970-01-01 UTC.
  IdentitySet letters;      ///< All of them. Finished.
  IdentitySet rows;         ///< kReplayed: those that became a row; the others were filtered. Finished.
  bool done = false;        ///< kReplayed: every store was told and agreed. kDropped: always.
};

/// Decisions on record (`_weir/letters/<table>/`): objects are only ever added. The record of a replay comes before its
/// first row, so that an interrupted one can be finished and an audit knows what it sees. Thread-safe.
class LetterStore {
 public:
  explicit LetterStore(engine::ObjectStore objects) : objects_(std::move(objects)) {}

  /// All of a table, by number. kDataLoss: an object is no decision.
  [[nodiscard]] Result<std::vector<LetterDecision>> list(std::string_view table) const;

  /// Records one. kAlreadyExists: another process took the number. Requires: number is above all that are there.
  [[nodiscard]] Status record(const LetterDecision& decision) const;

  /// Notes that a replay is done. May be repeated.
  [[nodiscard]] Status finish(const LetterDecision& decision, int64_t now_us) const;

 private:
  engine::ObjectStore objects_;
};

/// `weir/<table>/replays`: the application transaction whose version is the number of the last replay whose rows the
/// table has.
[[nodiscard]] std::string replay_app_id(std::string_view table);

}  // namespace weir::audit
