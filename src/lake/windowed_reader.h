#pragma once

#include <arrow/record_batch.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/ids.h"
#include "base/status.h"

namespace weir::lake {

/// How the reader asks for what is in the table. Both are called on the thread that reads.
struct WindowQueries {
  /// Rows of one window, sorted by (_seq, _row), with the reader's schema.
  std::function<Result<std::shared_ptr<arrow::RecordBatchReader>>(SeqRange)> rows;
  /// The lowest sequence of a row in the range; empty when there is none.
  std::function<Result<std::optional<Seq>>(SeqRange)> first_seq;
};

struct WindowLimits {
  int64_t sequences_first = 16'384;  ///< Length of the first window.
  int64_t sequences_max = int64_t{1} << 20;
  int64_t bytes_target = 32 << 20;  ///< Rows in memory that one window should come to.
};

/// A range of sequences in order, read window by window: sorting needs all rows of what it sorts, so only a window is
/// sorted at a time. The window's length follows the size of the rows, and an empty window is followed by a jump to the
/// next row, so that neither dense nor sparse ranges cost more than they hold. Errors come as arrow::Status. One thread
/// at a time.
class WindowedReader final : public arrow::RecordBatchReader {
 public:
  WindowedReader(std::shared_ptr<arrow::Schema> schema, SeqRange range, WindowQueries queries, WindowLimits limits);

  [[nodiscard]] std::shared_ptr<arrow::Schema> schema() const override { return schema_; }
  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override;
  arrow::Status Close() override;

 private:
  Status open_window();
  Status close_window();

  const std::shared_ptr<arrow::Schema> schema_;
  const WindowQueries queries_;
  const WindowLimits limits_;
  SeqRange rest_;                                     // What no window has covered yet.
  int64_t length_;                                    // Of the next window.
  std::shared_ptr<arrow::RecordBatchReader> window_;  // Null between windows.
  int64_t window_length_ = 0;
  int64_t window_bytes_ = 0;
};

}  // namespace weir::lake
