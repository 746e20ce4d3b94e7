#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "backfill/job.h"
#include "base/ids.h"
#include "base/status.h"
#include "engine/delta_table.h"
#include "engine/engine.h"
#include "engine/table_description.h"

namespace weir::backfill {

/// One piece of a job: data files of one partition that are read and written together. Its ordinal is its place in the
/// plan.
struct HotUnit {
  std::vector<std::string> files;  ///< As TableDescription::data_files spells them.
  int64_t rows = 0;                ///< By statistics; a file without them counts 0.
  int64_t bytes = 0;               ///< As stored.
};

/// How much goes into one unit; a larger file is a unit of its own. Small files are joined, because every unit costs at
/// least one look into ClickHouse and one INSERT.
struct HotUnitLimits {
  int64_t rows_max = 1'000'000;
  int64_t bytes_max = int64_t{64} << 20;
  int64_t files_max = 500;
};

/// Everything a job has to read, in the order in which it is read. Value type.
struct HotPlan {
  std::vector<HotUnit> units;
  int64_t files = 0;
  int64_t rows = 0;
  int64_t bytes = 0;
  int64_t files_left_out = 0;  ///< Of the version: other partitions, above the hand-over, outside the retention.

  /// Names the units with their order; equal plans have equal digests.
  [[nodiscard]] std::string digest() const;
};

/// The plan of a job over one version, described with its files. Deterministic: the same version, spec, hand-over and
/// limits give the same plan. kInvalidArgument: a `--partition` that the table does not have; the message lists what it
/// has.
[[nodiscard]] Result<HotPlan> plan_units(const engine::TableDescription& table, const JobSpec& spec, Seq hand_over,
                                         const HotUnitLimits& limits = {});

/// Names of the columns of a version. kDataLoss: its schema is not Delta's.
[[nodiscard]] Result<std::set<std::string>> columns_of(const engine::TableDescription& table);

/// Refuses (kInvalidArgument, quoting it) what is not one boolean expression over the columns of one row: broken SQL,
/// other types, aggregates, sub-queries. An empty `where` is fine.
[[nodiscard]] Status check_predicate(const engine::Engine& engine, const engine::Snapshot& snapshot,
                                     const JobSpec& spec);

/// How the SQL of a job names the table, so that a sub-query in a WHERE cannot reach it.
inline constexpr std::string_view kJobRelation = "_weir_backfill_rows";

/// `FROM .. WHERE ..` of a job: rows at or below the hand-over (rows of files are never above), within the retention,
/// and meant by the predicate.
[[nodiscard]] std::string from_where_sql(const JobSpec& spec, Seq hand_over);

}  // namespace weir::backfill
