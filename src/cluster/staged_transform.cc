#include "cluster/staged_transform.h"

#include "nats/range_source.h"

namespace weir::cluster {

Result<std::shared_ptr<const Slice>> StagedTransform::apply(const MessageBatch& batch, SeqRange range) {
  const auto* unread = dynamic_cast<const nats::UnreadRange*>(&batch);
  const std::stop_token stop = unread == nullptr ? std::stop_token() : unread->stop();
  WEIR_ASSIGN_OR_RETURN(const int32_t tasks, runner_.tasks());
  const std::vector<Part> parts = split(range, tasks, options_.part_sequences_min);
  std::vector<std::string> texts;
  for (const Part& part : parts) texts.push_back(to_json(part));
  const std::string job = new_id();
  const Status ran = runner_.run(options_.spec(job), texts, stop);
  if (ran.code() == StatusCode::kShuttingDown) return ran;
  WEIR_ASSIGN_OR_RETURN(const auto left, committables_.of_job(job));
  auto slice = assemble(parts, left, &new_columns_);
  // Executions that go on leave theirs to the next sweep, and so does a store that is away just now.
  static_cast<void>(committables_.remove(job));
  if (!slice.ok()) {
    // The job knows better than a part that is missing, a part better than the job.
    const bool missing = slice.status().code() == StatusCode::kUnavailable;
    return missing && !ran.ok() ? ran : slice.status();
  }
  (*slice)->shard = options_.shard;
  (*slice)->plan_id = options_.plan_id;
  return std::shared_ptr<const Slice>(std::move(*slice));
}

}  // namespace weir::cluster
