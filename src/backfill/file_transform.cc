#include "backfill/file_transform.h"

#include <algorithm>
#include <utility>

#include "backfill/file_batch.h"

namespace weir::backfill {

Result<std::unique_ptr<FileTransform>> FileTransform::create(const Plan& plan, int32_t shard, transform::SqlRun sql) {
  auto one_event = std::make_shared<Plan>(plan);
  one_event->format = PayloadFormat::kJson;
  WEIR_ASSIGN_OR_RETURN(auto rows,
                        transform::TableTransform::create(
                            std::move(one_event), {.shard = shard, .takes_subject = {}, .sql = std::move(sql)}));
  return std::unique_ptr<FileTransform>(new FileTransform(plan.id(), std::move(rows)));
}

Result<std::shared_ptr<const Slice>> FileTransform::apply(const MessageBatch& batch, SeqRange range) {
  const auto* file_batch = dynamic_cast<const FileBatch*>(&batch);
  if (file_batch == nullptr) return internal_error("rows of a file come in a FileBatch");
  WEIR_ASSIGN_OR_RETURN(const auto decoded, rows_->apply(batch, range));
  auto slice = std::make_shared<Slice>(*decoded);
  slice->plan_id = plan_id_;
  for (const Reject& reject : file_batch->rejects()) {
    if (!range.contains(reject.seq)) continue;
    slice->rejects.push_back(reject);
    slice->bytes += static_cast<int64_t>(sizeof(Reject) + reject.payload.size() + reject.reason.size());
    ++slice->events;
  }
  std::ranges::sort(slice->rejects, {}, &Reject::seq);
  return std::shared_ptr<const Slice>(std::move(slice));
}

}  // namespace weir::backfill
