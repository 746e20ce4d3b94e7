#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "app/services.h"
#include "app/shard.h"
#include "config/pipeline_config.h"
#include "http/status_snapshot.h"
#include "pipeline/shard_runner.h"
#include "trino/client.h"
#include "trino/publisher.h"

namespace weir::app {

/// Keeps the views in Trino current while `weir run` runs: one round every trino.refresh_interval. Trino being away
/// touches nothing else: it is said once, shown in the status, and tried again. Everything passed in must outlive it.
class TrinoViews {
 public:
  using Tables = std::function<std::vector<trino::TableInput>()>;

  /// Does not connect. Null without [trino]. `tables`: the tables whose shards are ours, as they are now; called at the
  /// begin of each round. kInvalidArgument: a secret that is not set, or an option that Trino's client refuses.
  [[nodiscard]] static Result<std::unique_ptr<TrinoViews>> open(const PipelineConfig& config, Telemetry telemetry,
                                                                Tables tables);

  /// Blocks until `stop` is requested. For one thread.
  void run(const std::stop_token& stop);

  /// A last round, after the shards have ended: `tables` at rest need nothing of ClickHouse any more. Takes at most a
  /// few seconds, and is only tried.
  void publish_last();

  /// For the status. Thread-safe.
  [[nodiscard]] TrinoStatus status() const;

 private:
  TrinoViews(const PipelineConfig& config, Telemetry telemetry, Tables tables, std::unique_ptr<trino::Client> client);

  void round(const std::vector<trino::TableInput>& tables, const std::stop_token& stop);
  void observe(const trino::PublishReport& report);
  void tell_once(const std::string& about, const Status& trouble);
  void note_away(const Status& status);

  const PipelineConfig& config_;
  Telemetry telemetry_;
  const Tables tables_;
  const std::unique_ptr<trino::Client> client_;
  std::unique_ptr<trino::Publisher> publisher_;
  std::vector<trino::TableInput> last_tables_;     // Of the newest round that had any.
  std::map<std::string, std::string> complaints_;  // What was last said of each view.
  mutable std::mutex mutex_;
  TrinoStatus status_;  // Guarded by mutex_.
};

/// A table's rows in the lake at one moment.
struct LakeSide {
  int64_t newest_event_us = 0;  ///< No event above the position of `rows` was stored earlier; 0: not known.
  std::shared_ptr<const LakeSnapshot> rows;
};

/// kUnavailable: the lake does not answer.
[[nodiscard]] Result<LakeSide> lake_side(const TableParts& parts);

/// What is known of a table from the rounds before.
struct TableMemory {
  int64_t hot_seen = 0;          ///< The highest _seq that its ClickHouse is known to have shown.
  int64_t replays = 0;           ///< Up to this one..
  std::string replayed_letters;  ///< ..these dead letters were replayed, as replayed_sql() says.
};

/// A table as its running shard knows it. `lake` was read before `table`, so that ClickHouse can only be further.
/// `memory` is brought up to date. An error: the lake does not answer.
[[nodiscard]] Result<trino::TableInput> trino_input(const PipelineConfig& config, const Services& services,
                                                    const TableParts& parts, const LakeSide& lake,
                                                    const pipeline::TableStatus& table, TableMemory* memory);

}  // namespace weir::app
