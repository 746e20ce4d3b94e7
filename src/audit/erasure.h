#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "audit/erasure_store.h"
#include "audit/table_audit.h"
#include "base/status.h"
#include "engine/engine.h"
#include "schema/table_schema.h"

namespace weir::audit {

struct ErasureRequest {
  std::shared_ptr<const Plan> plan;  ///< In force now.
  std::string lake_url;
  bool lake_sync = true;
  std::string predicate;        ///< SQL over the columns of one row, system columns included.
  std::string reason;           ///< Kept on record. Not empty.
  std::optional<HotAudit> hot;  ///< Empty: a lake-only pipeline.
  int64_t now_us = 0;
  bool dry_run = false;         ///< Only count.
  int64_t ranges_max = 1 << 20; ///< Of identities on one record; more is refused: erase in parts.
};

struct ErasureOutcome {
  Erasure erasure;               ///< As recorded; with number 0 when nothing matched.
  bool resumed = false;          ///< It had been begun before.
  int64_t lake_rows_deleted = 0; ///< Now; 0 when the lake had done it before.
  int64_t hot_rows_deleted = 0;  ///< Now.
  [[nodiscard]] int64_t rows() const;
};

/// Deletes the rows for which the predicate holds, at or below the positions of this moment, from the lake and then from
/// ClickHouse. The record with every identity comes first, so that whatever interrupts it, calling again with the same
/// predicate and reason finishes it, and an audit knows what it sees.
///
/// kInvalidArgument: the predicate is not one on single rows, or not repeatable; or the table's property delta.appendOnly
/// forbids deleting. kAlreadyExists: another erasure of the table is unfinished; the message says how to finish it.
/// kUnavailable: ClickHouse does not answer, or stands below the rows, so that somebody may still insert them: again
/// later. kConflict: another process began one at this moment.
[[nodiscard]] Result<ErasureOutcome> erase_rows(const engine::Engine& engine, const ErasureRequest& request);

}  // namespace weir::audit
