#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "app/held_lease.h"
#include "app/hot_follower.h"
#include "app/services.h"
#include "app/shard.h"
#include "app/shard_jobs.h"
#include "backfill/follow_shard.h"
#include "config/pipeline_config.h"
#include "pipeline/shard_runner.h"
#include "transform/derived_rows.h"

namespace weir::app {

/// What is known of the table that is followed, for --until-caught-up.
enum class SourceEnd {
  kGoesOn,   ///< It will take more before it ends.
  kReached,  ///< It holds all that it was to hold.
  kStopped,  ///< It ended before that.
};

struct TableFollowerOptions {
  bool until_caught_up = false;           ///< Both stores have to hold all that the source holds at its end.
  std::function<SourceEnd()> source_end;  ///< Polled; empty: the source has reached its end already.
  bool wait_for_source = false;           ///< The source's table may not be there yet: somebody is making it.
  std::function<void(bool hot, double seconds)> visible;  ///< See ShardOptions::visible. May be empty.
};

/// A table that follows another one of the lake (`from_table`): takes its rows as they are committed, shard by shard, those of
/// loaded files too, makes its own of them by its SQL, and keeps them in the lake and in ClickHouse, exactly once in each.
/// Under a lease of the table's own, so that it may run in any process. The services, the configuration (with resolved plans)
/// and the telemetry must outlive it.
class TableFollower {
 public:
  /// Registers the table with position 0 of every shard, takes the lease (waits for it) and the ledgers. kNotFound: the
  /// source's table is not there. kInvalidArgument: the plan cannot take effect on the table that is there. kShuttingDown:
  /// stopped while waiting.
  /// `source`: the section of the table that is followed.
  [[nodiscard]] static Result<std::unique_ptr<TableFollower>> open(Services& services, const PipelineConfig& config,
                                                                   TableSection section, const TableSection& source,
                                                                   TableFollowerOptions options, Telemetry telemetry,
                                                                   const std::stop_token& stop);
  ~TableFollower();

  /// Blocks until drained, until the source has ended and all of it is taken, or stopped by an error; then lets the lease go. kFenced: a newer process has the table.
  /// kUnavailable: caught up it can never be, because the source stopped before its goal.
  [[nodiscard]] Status run();
  /// Finish after what is being committed now; the rest comes at the next start. Thread-safe, like all below.
  void drain() { stop_.request_stop(); }

  [[nodiscard]] pipeline::TableStatus status() const;
  /// Where the source's shard 0 stands.
  [[nodiscard]] Seq source_position() const;
  /// How much of the source, over all shards, is not taken yet, in sequences.
  [[nodiscard]] int64_t behind() const;
  [[nodiscard]] bool goal_reached() const;
  /// After run(): the source goes on with other columns, everything before is taken, and the follower wants to be opened
  /// again.
  [[nodiscard]] bool source_changed() const;
  [[nodiscard]] const TableParts& parts() const { return parts_; }
  /// Of the table's shards together.
  [[nodiscard]] pipeline::RunningCounts totals() const;

 private:
  /// One shard of the source and what of it is ours. Members are destroyed in reverse order.
  struct ShardParts {
    std::unique_ptr<pipeline::LakeSink> lake;
    std::unique_ptr<pipeline::DeadLetterSink> dead_letters;
    std::unique_ptr<backfill::FollowedShard> followed;
    bool resolved = false;  ///< No: something ambiguous happened, the stores have to be asked.
  };

  TableFollower(Services& services, const PipelineConfig& config, TableSection section, TableSection source,
                TableFollowerOptions options, Telemetry telemetry);

  Status prepare(const std::stop_token& stop);
  Status wait_for_source(const std::stop_token& stop);
  Status choose_plan(const std::stop_token& stop);
  Status open_tables();
  Status take_lease(const std::stop_token& stop);
  Status build_transform();
  Status open_hot(const std::stop_token& stop);
  Status settle_plan(const backfill::FollowedShard& followed);
  Result<std::optional<Seq>> end_of_source_plan() const;
  Status add_shard(int32_t shard);
  Status look(std::map<int32_t, Seq>* source);
  Status follow(const std::map<int32_t, Seq>& source, bool commit_empty);
  Status follow_shard(ShardParts& shard, Seq through, bool commit_empty);
  Status checkpoint_when_due();
  void committed(const std::vector<pipeline::SlicePtr>& slices);
  void publish(const std::map<int32_t, Seq>& source, const Status& trouble);
  [[nodiscard]] bool caught_up(const std::map<int32_t, Seq>& source) const;
  Status run_loop();
  [[nodiscard]] bool wants_reopening(const Status& status);
  void pause(std::chrono::milliseconds time);

  Services& services_;
  const PipelineConfig& config_;
  TableSection section_;         // Its plan's input are the rows of source_plan_.
  const TableSection source_section_;
  const TableFollowerOptions options_;
  Telemetry telemetry_;
  std::stop_source stop_;
  std::shared_ptr<const Plan> source_plan_;  // In force in the source when this was opened.
  lake::TableDefinition source_definition_;  // Of that plan.
  std::unique_ptr<lake::DeltaLakeTable> source_;
  TableParts parts_;
  std::unique_ptr<transform::DerivedRows> derive_;
  Epoch epoch_;
  std::map<int32_t, ShardParts> shards_;  // run()'s thread only, like the next four.
  std::map<int32_t, Seq> seen_;           // Positions of the source at seen_version_.
  int64_t seen_version_ = -1;
  std::string seen_schema_;               // Of the source's table when this was opened.
  bool source_outgrew_plan_ = false;      // Its table has other columns than source_plan_.
  std::optional<Seq> source_plan_ends_;   // The last sequence of source_plan_, once it is known.
  int commits_since_checkpoint_ = 0;
  std::chrono::steady_clock::time_point committed_at_{};
  std::unique_ptr<HeldLease> lease_;
  std::unique_ptr<HotFollower> hot_;
  mutable std::mutex mutex_;
  pipeline::TableStatus status_;  // Guarded by mutex_, like all below.
  Seq source_position_{0};
  int64_t behind_ = 0;
  pipeline::RunningCounts totals_;
  bool goal_reached_ = false;
  bool source_changed_ = false;
  std::optional<Status> fenced_;
};

}  // namespace weir::app
