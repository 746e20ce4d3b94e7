#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "ports/row_transform.h"
#include "schema/table_schema.h"
#include "transform/table_transform.h"

namespace weir::backfill {

/// The transform of one table for the rows of one file: the plan's own decoder and SQL, and the rejects that the file's
/// reader already made. Each row of a file is one JSON event, whatever format the table's messages have. Thread-compatible.
class FileTransform final : public RowTransform {
 public:
  /// `sql` as for TableTransform; `shard` below 0. Errors as TableTransform::create.
  [[nodiscard]] static Result<std::unique_ptr<FileTransform>> create(const Plan& plan, int32_t shard,
                                                                     transform::SqlRun sql);

  /// Requires: `batch` is a FileBatch.
  Result<std::shared_ptr<const Slice>> apply(const MessageBatch& batch, SeqRange range) override;

 private:
  FileTransform(std::string plan_id, std::unique_ptr<transform::TableTransform> rows)
      : plan_id_(std::move(plan_id)), rows_(std::move(rows)) {}

  const std::string plan_id_;
  const std::unique_ptr<transform::TableTransform> rows_;
};

}  // namespace weir::backfill
