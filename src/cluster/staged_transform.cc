#include "cluster/staged_transform.h"

#include "nats/range_source.h"

namespace weir::cluster {

Result<std::shared_ptr<const Slice>> StagedTransform::apply(const MessageBatch& batch, SeqRange range) {
  const auto* unread = dynamic_cast<const nats::UnreadRange*>(&batch);
  const auto unwanted = [unread] { return unread != nullptr && unread->unwanted(); };
  WEIR_ASSIGN_OR_RETURN(const int32_t tasks, runner_.tasks());
  const std::vector<Part> parts = split(range, tasks, options_.part_sequences_min);
  std::vector<std::string> texts;
  for (const Part& part : parts) texts.push_back(to_json(part));
  const std::string job = new_id();
  const Status ran = runner_.run(options_.spec(job), texts, unwanted);
  if (ran.code() == StatusCode::kShuttingDown) {
    static_cast<void>(committables_.remove(job));
    return ran;
  }
  WEIR_ASSIGN_OR_RETURN(const auto left, committables_.of_job(job));
  auto slice = assemble(parts, left, &new_columns_);
  // Executions that go on leave theirs to the next sweep, and so does a store that is away just now.
  static_cast<void>(committables_.remove(job));
  if (!slice.ok()) {
    if (slice.status().code() == StatusCode::kDataLoss) {
      // An executor may see another server; whether the stream lost anything, ours says.
      const Status seen_here = unread == nullptr ? slice.status() : unread->still_readable();
      if (seen_here.code() == StatusCode::kDataLoss) return seen_here;
    }
    // Whatever it is, another executor may not have it, and it may be mended there.
    const bool missing = slice.status().code() == StatusCode::kUnavailable;
    return missing && !ran.ok() ? ran : unavailable(slice.status().to_string());
  }
  if (unread != nullptr) WEIR_RETURN_IF_ERROR(unread->still_the_same());
  (*slice)->shard = options_.shard;
  (*slice)->plan_id = options_.plan_id;
  return std::shared_ptr<const Slice>(std::move(*slice));
}

}  // namespace weir::cluster
