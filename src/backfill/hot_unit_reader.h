#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "backfill/hot_plan.h"
#include "base/status.h"
#include "engine/engine.h"

namespace arrow {
class RecordBatch;
class RecordBatchReader;
class Schema;
}  // namespace arrow

namespace weir::backfill {

/// What a unit's rows are read from, and as what. Everything borrowed outlives the reader.
struct HotUnitSource {
  const engine::Engine& engine;
  const engine::Snapshot& snapshot;       ///< The pinned version.
  std::shared_ptr<arrow::Schema> schema;  ///< Of the rows as ClickHouse gets them: row_arrow_schema().
  std::set<std::string> columns;  ///< Of the pinned version; what it lacks was added later and is NULL in its rows.
  const JobSpec& spec;
  Seq hand_over;
};

struct HotBlockLimits {
  int64_t rows_max = 200'000;
  int64_t bytes_max = 24 << 20;  ///< In memory.
};

/// The rows of one unit in blocks worth an INSERT each. The next block is read while the last one is being written, so
/// two are in memory at a time. One thread at a time.
class HotUnitReader {
 public:
  /// kInvalidArgument, kNotFound, kUnavailable: as the engine says; nothing was read.
  [[nodiscard]] static Result<std::unique_ptr<HotUnitReader>> open(const HotUnitSource& source, const HotUnit& unit,
                                                                   const HotBlockLimits& limits);

  /// The next block; null at the end. kDataLoss: a value that Weir did not write. kUnavailable: anything else.
  [[nodiscard]] Result<std::shared_ptr<arrow::RecordBatch>> next();

 private:
  HotUnitReader(std::shared_ptr<arrow::RecordBatchReader> rows, std::shared_ptr<arrow::Schema> schema,
                HotBlockLimits limits);

  [[nodiscard]] Result<std::shared_ptr<arrow::RecordBatch>> read_block();
  void read_ahead();

  const std::shared_ptr<arrow::RecordBatchReader> rows_;
  const std::shared_ptr<arrow::Schema> schema_;
  const HotBlockLimits limits_;
  std::future<Result<std::shared_ptr<arrow::RecordBatch>>> ahead_;  // Last: it uses everything above.
};

}  // namespace weir::backfill
