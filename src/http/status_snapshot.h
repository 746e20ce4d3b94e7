#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

/// What ClickHouse is to one shard right now. The numbers are those of the metric weir_clickhouse_mode_state.
enum class HotMode : uint8_t {
  kNone = 0,        ///< Lake-only pipeline.
  kDetached = 1,    ///< ClickHouse does not answer or refuses; the lake goes on.
  kCatchingUp = 2,  ///< It is being brought up to date from the lake.
  kLive = 3,        ///< Slices go there at once.
};

/// "none", "detached", "catching_up", "live".
[[nodiscard]] std::string_view to_string(HotMode mode);

/// Events and rows of a shard since the table exists, as the lake's commits count them.
/// events = rows + filtered + dead_letters.
struct ShardTotals {
  int64_t events = 0;
  int64_t rows = 0;
  int64_t filtered = 0;
  int64_t dead_letters = 0;
};

/// Per second, averaged over the last ten seconds or so.
struct ShardRates {
  double events_per_second = 0;
  double lake_rows_per_second = 0;
  double hot_rows_per_second = 0;
};

struct ShardStatus {
  int32_t shard = 0;
  int64_t lake_position = 0;
  std::optional<int64_t> hot_position;     ///< Empty for a lake-only pipeline.
  std::optional<int64_t> stream_last_seq;  ///< Last sequence of the stream; empty while NATS does not answer.
  std::optional<int64_t> lag_events;       ///< stream_last_seq - lake_position.
  std::optional<double> lag_seconds;       ///< Age of the newest event in the lake; 0 without lag.
  ShardTotals totals;
  ShardRates rates;
  HotMode hot_mode = HotMode::kNone;
  std::string hot_reason;      ///< Why it is not live; empty when live or none.
  std::string last_error;      ///< The newest error of any kind; empty: none since start.
  std::string stopped_reason;  ///< Not empty: the shard stands still until a person decides.
};

struct ColumnStatus {
  std::string name;
  std::string type;  ///< As in the pipeline file.
  bool nullable = true;
};

/// Files loaded into a table, together; they are shards of their own.
struct FileTotals {
  int64_t files = 0;  ///< Of which any row was looked at.
  int64_t rows = 0;
  int64_t filtered = 0;
  int64_t dead_letters = 0;
};

struct TableStatus {
  std::string name;
  std::string stream;
  std::string plan_id;
  std::vector<ColumnStatus> columns;  ///< Row columns, without system columns.
  std::vector<ShardStatus> shards;
  std::optional<FileTotals> files = {};  ///< Empty without files, and where nobody looked.
};

/// One view that Weir keeps in Trino.
struct TrinoViewStatus {
  std::string view;     ///< "flights"; in the schema weir.
  std::string outcome;  ///< Of the newest round: "published", "unchanged", "kept", "edited by a user", "failed".
  std::string detail;   ///< What it shows, or why it is not kept current.
};

struct TrinoStatus {
  std::string error;         ///< Why the newest round did not get through; empty: it did.
  int64_t published_us = 0;  ///< When the newest round got through, microseconds since 1970 UTC; 0: none did.
  std::vector<TrinoViewStatus> views;
};

enum class PipelineState : uint8_t { kStarting, kRunning, kStopping, kStopped };

/// "starting", "running", "stopping", "stopped".
[[nodiscard]] std::string_view to_string(PipelineState state);

/// All that `/api/v1/status`, `weir status` and the console show. Never holds a payload or a credential. Value type.
struct StatusSnapshot {
  std::string pipeline;
  std::string version;
  PipelineState state = PipelineState::kStarting;
  std::vector<std::string> not_ready;  ///< Why `/readyz` says no, one sentence each; empty: ready.
  int64_t time_us = 0;                 ///< When it was taken, microseconds since 1970 UTC.
  int64_t started_us = 0;              ///< When the process started; 0: nothing runs.
  std::vector<TableStatus> tables;
  std::optional<TrinoStatus> trino = {};  ///< Empty without [trino], and while nothing runs.
};

}  // namespace weir
