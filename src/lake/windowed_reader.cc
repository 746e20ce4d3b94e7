#include "lake/windowed_reader.h"

#include <algorithm>
#include <utility>

#include "batch/arrow_memory.h"

namespace weir::lake {
namespace {

arrow::Status to_arrow(const Status& status) {
  if (status.ok()) return arrow::Status::OK();
  if (status.code() == StatusCode::kResourceExhausted) return arrow::Status::OutOfMemory(status.to_string());
  return arrow::Status::IOError(status.to_string());
}

}  // namespace

WindowedReader::WindowedReader(std::shared_ptr<arrow::Schema> schema, SeqRange range, WindowQueries queries,
                               WindowLimits limits)
    : schema_(std::move(schema)),
      queries_(std::move(queries)),
      limits_(limits),
      rest_(range),
      length_(limits.sequences_first) {}

arrow::Status WindowedReader::ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) {
  *batch = nullptr;
  while (true) {
    if (window_ == nullptr) {
      if (rest_.empty()) return arrow::Status::OK();
      ARROW_RETURN_NOT_OK(to_arrow(open_window()));
    }
    ARROW_RETURN_NOT_OK(window_->ReadNext(batch));
    if (*batch == nullptr) {
      ARROW_RETURN_NOT_OK(to_arrow(close_window()));
    } else if ((*batch)->num_rows() > 0) {
      window_bytes_ += batch_bytes(**batch);
      return arrow::Status::OK();
    }
  }
}

arrow::Status WindowedReader::Close() {
  rest_ = {};
  window_ = nullptr;
  return arrow::Status::OK();
}

Status WindowedReader::open_window() {
  window_length_ = std::min(length_, rest_.length());
  const SeqRange window{rest_.first, rest_.first + (window_length_ - 1)};
  WEIR_ASSIGN_OR_RETURN(window_, queries_.rows(window));
  window_bytes_ = 0;
  rest_.first = window.last + 1;
  return {};
}

Status WindowedReader::close_window() {
  window_ = nullptr;
  if (window_bytes_ == 0 && !rest_.empty()) {
    WEIR_ASSIGN_OR_RETURN(const std::optional<Seq> next, queries_.first_seq(rest_));
    rest_.first = next.value_or(rest_.last + 1);
    return {};
  }
  if (window_bytes_ > limits_.bytes_target) {
    const double share = static_cast<double>(limits_.bytes_target) / static_cast<double>(window_bytes_);
    length_ = std::max(static_cast<int64_t>(static_cast<double>(window_length_) * share), int64_t{1});
  } else if (window_bytes_ < limits_.bytes_target / 2) {
    length_ = std::min(window_length_ * 2, limits_.sequences_max);
  }
  return {};
}

}  // namespace weir::lake
