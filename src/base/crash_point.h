#pragma once

#include <string_view>

namespace weir {

/// Named places where tests kill or pause the process, to show that nothing is lost there. Set by the environment:
/// WEIR_CRASH_POINT=name[:nth] raises SIGKILL at the nth (default first) passage, WEIR_PAUSE_POINT=name[:nth] SIGSTOP.
/// Costs one comparison of a pointer when neither is set. Thread-safe.
///
/// The names: lease_taken, kv_set, range_announced, insert_first_byte, insert_answered, parquet_written,
/// dead_letters_committed, log_entry_written, log_entry_synced, ack_sent, schema_lake_set, schema_clickhouse_set,
/// plan_recorded. Those of INSERTs are passed by live ones only; bulk_inserted by the others. Of a backfill into
/// ClickHouse: backfill_pinned (and stored), backfill_unit_done (and not stored yet). Of a replay of dead letters:
/// replay_recorded, replay_in_lake, replay_in_clickhouse (and not noted as done yet). Of a part of a job, in an
/// executor: part_written (and no committable yet), part_stored (and the task not reported yet). Of maintenance:
/// compaction_committed, checkpoint_written, log_cleaned, vacuum_chosen (what to delete, nothing is yet),
/// vacuum_deleted (what killed writes left behind is still there).
void crash_point(std::string_view name);

}  // namespace weir
