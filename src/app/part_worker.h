#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "cluster/committable.h"
#include "cluster/stream_job.h"
#include "engine/engine.h"
#include "nats/connection.h"
#include "telemetry/log.h"

namespace weir::app {

/// Does parts of jobs in an executor: reads the part's events, makes the table's rows of them as live ingest does, writes
/// these as files that nobody reads, and leaves one committable. Both must outlive it. Thread-safe.
class PartWorker {
 public:
  PartWorker(const engine::Engine& engine, Logger& log) : engine_(engine), log_(log) {}

  /// `spec` and `part` as cluster::to_json() made them. Ok: a committable is in the lake, if only one that says what failed.
  /// Otherwise nobody would see anything of this execution. `stopped` is asked now and then.
  [[nodiscard]] Status work(const std::string& spec, const std::string& part, const std::function<bool()>& stopped);

 private:
  [[nodiscard]] Status fill(const cluster::StreamJob& job, const std::function<bool()>& stopped,
                            cluster::Committable* committable);
  [[nodiscard]] Result<std::shared_ptr<nats::Connection>> connection(const PipelineConfig& config);

  const engine::Engine& engine_;
  Logger& log_;
  std::mutex mutex_;
  std::map<std::vector<std::string>, std::shared_ptr<nats::Connection>> connections_;  // By all that makes them.
  std::set<std::string> told_fields_;  // "table.field" of what was said to get no column.
};

}  // namespace weir::app
