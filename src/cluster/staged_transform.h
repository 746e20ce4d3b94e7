#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cluster/committable_store.h"
#include "ports/row_transform.h"

namespace weir::cluster {

/// Has the parts of a job done somewhere. Thread-compatible.
class JobRunner {
 public:
  virtual ~JobRunner() = default;

  /// How many parts can be done at a time, >= 1. kUnavailable: nobody is there to do any.
  [[nodiscard]] virtual Result<int32_t> tasks() = 0;

  /// Has every part done at least once, or says why not; either is a hint only. Executions may go on after it has returned.
  /// `spec` goes to each. kUnavailable: too long, or nobody there. kShuttingDown: unwanted.
  [[nodiscard]] virtual Status run(const std::string& spec, const std::vector<std::string>& parts,
                                   const std::function<bool()>& unwanted) = 0;
};

struct StagedTransformOptions {
  int32_t shard = 0;
  std::string plan_id;
  std::function<std::string(const std::string& job)> spec;  ///< Of a job with this id.
  int64_t part_sequences_min = 10'000;                      ///< A smaller part is not worth a task.
};

/// RowTransform by the parts of one job: the slice it returns is staged. Of a batch it looks at the range alone, and at whether
/// an UnreadRange is still wanted. kUnavailable: ask again, with the same range or another; what a job left behind then is never
/// seen. kDataLoss: as EventSource; the stream lost events. Runner and committables must outlive it.
class StagedTransform final : public RowTransform {
 public:
  StagedTransform(JobRunner& runner, CommittableStore& committables, StagedTransformOptions options)
      : runner_(runner), committables_(committables), options_(std::move(options)) {}

  Result<std::shared_ptr<const Slice>> apply(const MessageBatch& batch, SeqRange range) override;

  /// What the event behind a slice that ended the plan asks for. Same thread as apply().
  [[nodiscard]] const std::vector<InputColumn>& new_columns() const { return new_columns_; }

 private:
  JobRunner& runner_;
  CommittableStore& committables_;
  const StagedTransformOptions options_;
  std::vector<InputColumn> new_columns_;
};

}  // namespace weir::cluster
