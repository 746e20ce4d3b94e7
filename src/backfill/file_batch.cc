#include "backfill/file_batch.h"

#include <utility>

namespace weir::backfill {

FileBatchBuilder::FileBatchBuilder(Seq first, const FileOrigin& origin)
    : origin_(origin), batch_(std::make_unique<FileBatch>()) {
  batch_->range_.first = first;
  batch_->subject_ = origin.subject;
}

void FileBatchBuilder::add_row(Seq seq) { ends_.push_back({seq, batch_->text_.size()}); }

void FileBatchBuilder::add_reject(Seq seq, RowFault fault, std::string_view raw) {
  batch_->text_.resize(ends_.empty() ? 0 : ends_.back().end);
  reject_bytes_ += static_cast<int64_t>(raw.size() + fault.reason.size());
  batch_->rejects_.push_back({.seq = seq,
                              .row = 0,
                              .time_us = origin_.time_us,
                              .subject = origin_.subject,
                              .code = std::string(to_string(fault.code)),
                              .pointer = std::move(fault.pointer),
                              .reason = std::move(fault.reason),
                              .payload = std::string(raw),
                              .headers = {}});
}

std::unique_ptr<FileBatch> FileBatchBuilder::finish(Seq last) {
  batch_->range_.last = last;
  batch_->messages_.reserve(ends_.size());
  size_t begin = 0;
  for (const End& row : ends_) {
    batch_->messages_.push_back({.seq = row.seq,
                                 .time_us = origin_.time_us,
                                 .subject = batch_->subject_,
                                 .payload = std::string_view(batch_->text_).substr(begin, row.end - begin),
                                 .headers = {}});
    begin = row.end;
  }
  return std::move(batch_);
}

}  // namespace weir::backfill
