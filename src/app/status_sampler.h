#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/followers.h"
#include "app/shard.h"
#include "config/pipeline_config.h"
#include "http/status_snapshot.h"

namespace weir::app {

/// Turns what the shards say into the snapshot that people see, with rates over the last ten seconds, and sets the gauges.
/// One thread at a time; everything passed in must outlive it.
class StatusSampler {
 public:
  StatusSampler(const PipelineConfig& config, Services& services, Telemetry telemetry);

  [[nodiscard]] StatusSnapshot take(const std::vector<Shard*>& shards, const Followers& followers, PipelineState state);

 private:
  /// What rates are made of: counts at one moment, of every table in order.
  struct Sample {
    int64_t time_us = 0;
    std::vector<int64_t> events;
    std::vector<int64_t> rows;
    std::vector<int64_t> hot_positions;
  };

  [[nodiscard]] Result<Seq> stream_end(Shard& shard, int64_t now_us);
  void add_shard(Shard& shard, StatusSnapshot* snapshot, Sample* sample);
  void add_follower(const TableFollower& follower, StatusSnapshot* snapshot, Sample* sample);
  void add_table(const pipeline::TableStatus& table, const TableParts& parts, weir::ShardStatus shown,
                 StatusSnapshot* snapshot, Sample* sample);
  [[nodiscard]] weir::ShardStatus shard_status(const pipeline::TableStatus& table, const TableParts& parts,
                                               const Result<Seq>& stream_end, int64_t now_us) const;
  void add_reasons(const pipeline::TableStatus& table, const weir::ShardStatus& shard, StatusSnapshot* snapshot) const;
  void add_rates(Sample sample, StatusSnapshot* snapshot);

  const PipelineConfig& config_;
  Services& services_;
  Telemetry telemetry_;
  const int64_t started_us_;
  std::deque<Sample> samples_;
  std::vector<std::string> sampled_tables_;  // That samples_ are of, in order.
  struct StreamEnd {
    int64_t asked_us = 0;
    Result<Seq> seq = unavailable("not asked yet");
  };
  std::map<const Shard*, StreamEnd> stream_ends_;  // Asked once a second: an idle pipeline should cost nothing.
};

}  // namespace weir::app
