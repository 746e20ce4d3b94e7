#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace weir::cli {

struct BackfillOptions {
  std::string file;
  std::string table;                    ///< The source; for files and the stream, the target too.
  std::string to;                       ///< clickhouse or lake.
  std::string where;                    ///< --to clickhouse: SQL predicate over the table's columns.
  std::vector<std::string> partitions;  ///< --to clickhouse: "column=value"; values of one column are alternatives.
  bool from_stream = false;             ///< --to lake: fill a new table from the retained stream.
  std::string from_files;               ///< --to lake: a glob.
  std::string format;                   ///< parquet, csv or json, of from_files.
  std::string into;                     ///< --to lake: the table derived from `table`.
  std::string sql;                      ///< The derived table's SQL; empty: as in the pipeline file.
  bool dry_run = false;                 ///< Print the plan and change nothing.
  bool resume = false;                  ///< Go on with the unfinished backfill of the table.
  bool oldest_first = false;            ///< --to clickhouse: default is newest first.
  bool skip_ahead = false;              ///< --to clickhouse: live goes on at once, the backlog becomes history.
  int32_t parallelism = 0;              ///< Ranges in work at a time; 0: one per core, half as many beside live events.
  std::optional<int64_t> rows_per_second;  ///< Throttle; 0: none. Not given: with resume, as it was.
  bool list = false;                    ///< --to clickhouse: show the table's backfills.
  bool pause = false;                   ///< --to clickhouse: have the unfinished backfill wait for a resume.
  bool cancel = false;                  ///< --to clickhouse: give the unfinished backfill up.
};

// One function a kind, each in its own file backfill_<kind>.cc. All print progress to err and the outcome to out.

/// Lake -> ClickHouse: rows of the lake that ClickHouse lacks, at or below where the live path stands.
[[nodiscard]] int backfill_clickhouse(const GlobalOptions& global, const BackfillOptions& options,
                                      const Environment& environment);
/// Stream -> lake: a new table from what the stream still holds.
[[nodiscard]] int backfill_from_stream(const GlobalOptions& global, const BackfillOptions& options,
                                       const Environment& environment);
/// Files -> lake: history from before NATS.
[[nodiscard]] int backfill_from_files(const GlobalOptions& global, const BackfillOptions& options,
                                      const Environment& environment);
/// Lake -> lake: a table derived from another one's rows.
[[nodiscard]] int backfill_into_table(const GlobalOptions& global, const BackfillOptions& options,
                                      const Environment& environment);

/// An option that was given and means something only with --to clickhouse; null: there is none.
[[nodiscard]] const char* clickhouse_only_option(const BackfillOptions& options);

[[nodiscard]] CommandBody declare_backfill(CLI::App& app);

}  // namespace weir::cli
