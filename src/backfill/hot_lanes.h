#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "backfill/job.h"
#include "base/ids.h"
#include "base/retry.h"
#include "base/status.h"
#include "pipeline/hot_bulk_sink.h"
#include "ports/hot_table.h"
#include "ports/key_value.h"

namespace arrow {
class RecordBatch;
}

namespace weir::backfill {

/// The live path of the table's shard 0 as a job needs it. Both block, at most for seconds; kUnavailable: ClickHouse or
/// the live path is not there yet, ask again.
struct LivePath {
  /// Has the live path look at ClickHouse anew: a table that was dropped or emptied is noticed there and nowhere else.
  std::function<Status(const std::stop_token&)> look_again;
  /// Has the live path give its backlog up to the job and go on at the lake's position.
  std::function<Status(const std::stop_token&)> skip_ahead;
};

/// ClickHouse as a job writes to it. Everything borrowed outlives the job.
struct HotTarget {
  HotTable& table;
  KeyValue& key_value;
  LivePath live;
  /// Keeps for good that ClickHouse refused a row it can never take. Thread-safe.
  std::function<Status(int32_t shard, RowId row, const std::string& reason)> quarantine;
};

/// One bulk sink a shard, made when its first rows come, with everything that has to happen when a write did not simply
/// succeed: pauses, resolving, and noticing that the table is another one. Thread-safe, begin() apart.
class HotLanes {
 public:
  /// Told what it waits for, and with ok when it goes on. Any thread.
  using Trouble = std::function<void(const Status&)>;

  HotLanes(HotTarget target, std::string table, Epoch epoch, Trouble trouble);

  struct Standing {
    Seq live_position;
    Seq hot_start;  ///< Where the live path began; it moves on only when the table was emptied or a backlog given up.
    std::string table_id;  ///< HotTable::table_id()
  };
  /// Where the live path stands now, settled in ClickHouse under our epoch: the bound of everything that a job may
  /// write from here on. Errors as HotBulkSink::resolve(). Requires: no write() runs, and begin() before the next one.
  [[nodiscard]] Result<Standing> standing();

  /// From now on rows go into the pinned table, those of shards below 0 up to their pinned uppers. Requires: no write()
  /// runs.
  void begin(const JobPin& pin);

  enum class Outcome {
    kPresent,    ///< Every row that the job has to bring is in ClickHouse.
    kStartOver,  ///< The table was replaced: what was done before is gone.
  };

  /// Makes rows of any shards present, waiting as long as ClickHouse is away. Rows above where the live path stands now
  /// are passed over: it writes them itself. kShuttingDown: stopped. kFenced: a newer process has the shard. Anything
  /// else: a person has to decide. Requires: begin().
  [[nodiscard]] Result<Outcome> write(const std::shared_ptr<arrow::RecordBatch>& rows, const std::stop_token& stop);

 private:
  [[nodiscard]] std::shared_ptr<pipeline::HotBulkSink> lane(int32_t shard);
  [[nodiscard]] Result<Outcome> write_shard(int32_t shard, const std::shared_ptr<arrow::RecordBatch>& rows,
                                            const std::stop_token& stop);
  [[nodiscard]] Result<Outcome> write_once(pipeline::HotBulkSink& sink, const std::shared_ptr<arrow::RecordBatch>& rows,
                                           const std::stop_token& stop);

  const HotTarget target_;
  const std::string table_;
  const Epoch epoch_;
  const Trouble trouble_;
  JobPin pin_;
  std::mutex mutex_;
  std::map<int32_t, std::shared_ptr<pipeline::HotBulkSink>> lanes_;  // Guarded by mutex_.
};

/// Waits before the n-th repetition of something (from 0); false when stopped.
[[nodiscard]] bool wait_to_retry(const RetryPolicy& policy, int attempt, const std::stop_token& stop);

}  // namespace weir::backfill
