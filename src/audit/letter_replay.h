#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audit/identity_set.h"
#include "audit/letter_store.h"
#include "base/ids.h"
#include "base/status.h"
#include "engine/engine.h"
#include "ports/lake_table.h"
#include "ports/row_transform.h"
#include "schema/table_schema.h"

namespace weir::audit {

/// Which dead letters of one table. Those of files, those above the table's position, dropped and replayed ones are
/// never chosen; for a replay neither are those with the code bad_subject.
struct LetterSelection {
  std::string code;  ///< Empty: any.
  std::optional<Seq> seq;
  std::optional<int32_t> row;
};

/// The dead letters of one lake, as far as a decision about them needs it.
struct LetterAccess {
  std::string table;
  std::string lake_url;
  bool lake_sync = true;
};

struct ReplayRequest {
  LetterAccess lake;
  std::shared_ptr<const Plan> plan;  ///< In force now.
  /// The table, for rows of that plan.
  std::function<Result<std::unique_ptr<LakeTable>>(const Plan& plan)> rows;
  /// One that takes every subject. `asks_for_columns`: fields that live ingest would make columns of end the plan.
  std::function<Result<std::unique_ptr<RowTransform>>(std::shared_ptr<const Plan> plan, int32_t shard,
                                                      bool asks_for_columns)>
      transform;
  std::function<Status()> may_begin;  ///< Asked once what was begun before is finished. May be empty.
  std::function<bool()> stopping;     ///< True once a signal came. May be empty.
  std::optional<Seq> upto;            ///< Only letters at or below: ClickHouse is there. Empty: as far as the lake is.
  /// Sees to it that ClickHouse has these rows, which the lake has. Empty: a lake-only pipeline.
  std::function<Status(const IdentitySet& rows)> into_hot;
  LetterSelection selection;
  int64_t now_us = 0;
  bool dry_run = false;
  int64_t letters_max = 10'000;  ///< Of one record, and of one commit.
  int64_t bytes_max = 64 << 20;  ///< Of their payloads, about.
};

/// A dead letter that the plan of today rejects as well.
struct StillRejected {
  int32_t shard = 0;
  RowId id;
  std::string code;
  std::string reason;
};

struct ReplayOutcome {
  int64_t looked_at = 0;
  int64_t rows = 0;
  int64_t filtered = 0;
  int64_t rejected = 0;                 ///< Again: they stay as they are.
  int64_t need_columns = 0;             ///< Likewise: their fields ask for columns that the table does not have.
  std::vector<StillRejected> examples;  ///< Of `rejected`, the first few.
  std::vector<int64_t> numbers;         ///< Of the records that were carried out.
  bool resumed = false;                 ///< The first of them had been begun before.
};

/// Sends dead letters through the plan of today, with their own identities. What becomes a row goes into the lake, each
/// exactly once: the commit that carries them moves `weir/<table>/replays` from one record to the next. Then into
/// ClickHouse.
/// `_dead_letters`, which is append-only, keeps them; they count no longer. A record with every identity comes first;
/// whatever interrupts it, calling again finishes it, by the plan that is on its record. May run beside live ingest.
///
/// kAlreadyExists or kConflict: another process replays letters of the table at this moment, or an erasure is
/// unfinished. kShuttingDown: stopped; calling again goes on. kUnavailable: a store does not answer, or ClickHouse
/// stands below the rows. kDataLoss: what the record names is not what is there.
[[nodiscard]] Result<ReplayOutcome> replay_letters(const engine::Engine& engine, const ReplayRequest& request);

/// Records that nobody has to look at these dead letters any more; they stay where they are. Returns the record, with
/// number 0 where none matched (or `dry_run`). kInvalidArgument: no reason. kConflict: another process decided at this
/// moment.
[[nodiscard]] Result<LetterDecision> drop_letters(const engine::Engine& engine, const LetterAccess& lake,
                                                  const LetterSelection& selection, const std::string& reason,
                                                  int64_t now_us, bool dry_run);

/// Rows of `_dead_letters` that are dead letters no longer, or that nobody has to look at.
struct SettledLetters {
  IdentitySet replayed;
  IdentitySet dropped;
};

/// `carried_out`: the version of replay_app_id() in the table of the rows; 0 where it has none.
[[nodiscard]] Result<SettledLetters> settled_letters(const LetterStore& store, std::string_view table,
                                                     int64_t carried_out);

}  // namespace weir::audit
