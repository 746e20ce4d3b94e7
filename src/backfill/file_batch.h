#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "batch/slice.h"
#include "decode/reject_code.h"
#include "ports/event_source.h"

namespace weir::backfill {

/// Rows of a file as the messages of one contiguous range: `seq` is the row's number, from 1, `payload` the row as JSON.
/// A row that cannot even become JSON is no message but a reject. Immutable; owns the bytes.
class FileBatch final : public MessageBatch {
 public:
  SeqRange range() const override { return range_; }
  std::span<const Message> messages() const override { return messages_; }
  int64_t bytes() const override { return static_cast<int64_t>(text_.size()); }

  /// In the order of their rows, none of which is a message.
  [[nodiscard]] const std::vector<Reject>& rejects() const { return rejects_; }

 private:
  friend class FileBatchBuilder;

  SeqRange range_;
  std::string subject_;
  std::string text_;
  std::vector<Message> messages_;
  std::vector<Reject> rejects_;
};

/// What every message of a file has in common; kept in the registry, so that a file read again gives the same messages.
struct FileOrigin {
  std::string subject;  ///< The file's base name.
  int64_t time_us = 0;  ///< When the file was registered, microseconds UTC.
};

/// Why a row cannot become JSON; see Reject.
struct RowFault {
  RejectCode code = RejectCode::kNone;
  std::string pointer;
  std::string reason;
  [[nodiscard]] bool any() const { return code != RejectCode::kNone; }
};

/// Makes one batch. The text of a row is appended to payload() and then becomes a message, or a reject with the raw
/// bytes instead. Thread-compatible.
class FileBatchBuilder {
 public:
  FileBatchBuilder(Seq first, const FileOrigin& origin);

  /// Append the next row's JSON here, after what is there.
  [[nodiscard]] std::string& payload() { return batch_->text_; }

  /// What was appended since the last row is row `seq`. Requires: seq grows.
  void add_row(Seq seq);

  /// Row `seq` is a reject; what was appended for it is dropped.
  void add_reject(Seq seq, RowFault fault, std::string_view raw);

  /// Bytes held so far, rejects included.
  [[nodiscard]] int64_t bytes() const { return batch_->bytes() + reject_bytes_; }
  /// Rows and rejects so far.
  [[nodiscard]] int64_t rows() const { return static_cast<int64_t>(ends_.size() + batch_->rejects_.size()); }

  /// The batch of everything up to `last`; empty range when last < first.
  [[nodiscard]] std::unique_ptr<FileBatch> finish(Seq last);

 private:
  struct End {
    Seq seq;
    size_t end = 0;
  };

  const FileOrigin& origin_;
  std::unique_ptr<FileBatch> batch_;
  std::vector<End> ends_;  // Payloads are cut out at the end, when the text no longer moves.
  int64_t reject_bytes_ = 0;
};

}  // namespace weir::backfill
