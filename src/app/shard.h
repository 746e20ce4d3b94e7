#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "app/ballista_runner.h"
#include "app/held_lease.h"
#include "app/live_transform.h"
#include "app/next_plan.h"
#include "app/services.h"
#include "app/shard_jobs.h"
#include "clickhouse/hot_table.h"
#include "config/pipeline_config.h"
#include "cluster/committable_store.h"
#include "cluster/staged_transform.h"
#include "nats/stream_admin.h"
#include "nats/range_source.h"
#include "ports/event_source.h"
#include "pipeline/shard_runner.h"
#include "telemetry/pipeline_metrics.h"

namespace weir::app {

/// Columns that the fields of events ask for, by table.
using NewColumns = std::map<std::string, std::vector<InputColumn>>;

struct ShardOptions {
  bool until_caught_up = false;  ///< Finish once both stores hold what the stream held at the start.
  std::optional<Seq> goal = {};  ///< With until_caught_up: hold everything up to here instead.
  NewColumns new_columns = {};   ///< Added to the plans, from each table's position on.
  /// "table.field" of what was said to get no column, over all openings. May be null; not synchronised.
  std::set<std::string>* told_fields = nullptr;
  /// Called when events became visible in a store (hot: ClickHouse), with the age of the oldest; any thread. May be empty.
  std::function<void(bool hot, double seconds)> visible = {};
  bool accept_gap = false;       ///< Give up what the stream no longer has, record it, and go on behind it.
  /// One table that is filled beside the process which runs the others of its stream: under a lease of the table's own.
  bool beside_the_stream = false;
};

/// Everything one table of the shard is made of. Members are destroyed in reverse order.
struct TableParts {
  const TableSection* section = nullptr;
  std::shared_ptr<const Plan> plan;      ///< next_plan() of the section's.
  int added_columns = 0;                 ///< Of them the file does not know.
  Seq first{1};                          ///< Where the table begins if it is made now.
  LiveTransform transform;
  std::unique_ptr<cluster::LakeCommittables> committables;
  std::unique_ptr<cluster::StagedTransform> staged;  ///< In place of `transform`, where a cluster transforms; else null.
  std::unique_ptr<lake::DeltaLakeTable> lake_table;
  std::unique_ptr<lake::DeltaLakeTable> dead_letter_table;
  std::unique_ptr<clickhouse::ClickHouseHotTable> hot_table;
  std::unique_ptr<pipeline::LakeSink> lake;
  std::unique_ptr<pipeline::DeadLetterSink> dead_letters;
  std::unique_ptr<pipeline::HotSink> hot;
  std::unique_ptr<TableMetrics> metrics;
  std::atomic<int64_t> newest_event_us{0};  ///< Stored time of the newest event in the lake.
  std::atomic<int64_t> hot_resolves{0};     ///< How often ClickHouse was resolved with success.
};

/// Shard 0 of one stream and the tables it feeds: takes the lease, builds the parts, runs them. The services, the
/// configuration and the telemetry must outlive it.
class Shard {
 public:
  /// Takes the lease (waits for it) and prepares everything. kShuttingDown when stopped while waiting.
  [[nodiscard]] static Result<std::unique_ptr<Shard>> open(Services& services, const PipelineConfig& config,
                                                           std::vector<const TableSection*> tables,
                                                           ShardOptions options, Telemetry telemetry,
                                                           std::stop_token stop);
  ~Shard();

  /// Blocks until finished, then lets the lease go.
  [[nodiscard]] Status run();
  /// See ShardRunner::drain().
  void drain(std::optional<std::chrono::milliseconds> timeout);

  /// After run(): a plan ended, and the shard wants to be opened again with these columns added. Empty: none did.
  [[nodiscard]] NewColumns new_columns() const;
  /// What until_caught_up waits for.
  [[nodiscard]] std::optional<Seq> goal() const { return goal_; }

  [[nodiscard]] pipeline::ShardStatus status() const { return runner_->status(); }
  [[nodiscard]] bool goal_reached() const { return runner_->goal_reached(); }
  [[nodiscard]] const std::string& stream() const { return stream_; }
  [[nodiscard]] int64_t base() const { return base_; }
  [[nodiscard]] const std::vector<std::unique_ptr<TableParts>>& tables() const { return tables_; }
  /// Last sequence of the stream as the tables count (base added). Asks the server.
  [[nodiscard]] Result<Seq> stream_end();
  /// What stream_end() was when the lease was taken: the goal of until_caught_up.
  [[nodiscard]] Seq end_at_start() const { return Seq{stream_info_.last_seq + base_}; }

 private:
  Shard(Services& services, const PipelineConfig& config, ShardOptions options, Telemetry telemetry);

  Status prepare(const std::vector<const TableSection*>& tables, const std::stop_token& stop);
  Status read_stream();
  Status open_table(const TableSection& section);
  Status choose_plan(TableParts& parts);
  Status open_stores(TableParts& parts);
  Status take_lease(const std::stop_token& stop);
  Status fence_ledgers();
  Status settle_plan(TableParts& parts);
  Status check_nothing_ahead(const TableParts& parts, Seq position);
  Status grow_lake(TableParts& parts);
  void evolve_clickhouse(TableParts& parts);
  Status build_transform(TableParts& parts);
  Status build_staged(TableParts& parts, std::optional<int> new_columns_max);
  Status build_sinks(TableParts& parts, const std::stop_token& stop);
  Status accept_gap_if_asked();
  Result<std::unique_ptr<EventSource>> open_source();
  Status build_runner();
  Result<Seq> lake_position(const TableParts& parts) const;
  Result<NextPlan> next_plan_of(const TableParts& parts) const;
  std::unique_ptr<ShardJobs> build_jobs();
  Status look_at_clickhouse(pipeline::TableIndex table, const std::stop_token& stop);
  Status skip_ahead(pipeline::TableIndex table, const std::stop_token& stop);
  void observe(const pipeline::Action& action, const pipeline::Event& event, std::chrono::microseconds took);
  void observe_read(const pipeline::BatchRead& read);

  Services& services_;
  const PipelineConfig& config_;
  const ShardOptions options_;
  Telemetry telemetry_;
  std::string stream_;
  nats::StreamInfo stream_info_;  // As of taking the lease.
  int64_t base_ = 0;
  Epoch epoch_;
  std::unique_ptr<HeldLease> lease_;  // Its thread calls runner_: let go before that is destroyed.
  std::vector<std::unique_ptr<TableParts>> tables_;
  std::unique_ptr<BallistaRunner> cluster_;  // Null: this process reads and transforms.
  std::unique_ptr<EventSource> source_;
  nats::RangeSource* ranges_ = nullptr;  // `source_`, where a cluster reads.
  std::unique_ptr<SourceMetrics> source_metrics_;
  uint64_t reconnects_seen_ = 0;  // Source lane only.
  std::optional<StreamIdentity> identity_;
  std::optional<Seq> goal_;
  std::unique_ptr<pipeline::Executor> executor_;
  std::unique_ptr<pipeline::ShardRunner> runner_;
  std::stop_source jobs_stop_;
};

}  // namespace weir::app
