#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/status.h"

namespace arrow::io {
class InputStream;
class RandomAccessFile;
}  // namespace arrow::io

namespace weir::backfill {

/// The bytes of one file, through one descriptor for as long as this lives: a file renamed or replaced meanwhile is not
/// mixed with the one that was opened. Thread-compatible.
class FileInput {
 public:
  /// kNotFound, kPermissionDenied: it cannot be opened. kInvalidArgument: it is no regular file.
  [[nodiscard]] static Result<std::unique_ptr<FileInput>> open(const std::string& path);
  ~FileInput();
  FileInput(const FileInput&) = delete;
  FileInput& operator=(const FileInput&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  /// The path's last part.
  [[nodiscard]] std::string base_name() const;
  [[nodiscard]] int64_t size_bytes() const { return size_bytes_; }

  /// Names the content (base/digest.h): reads all of it. kShuttingDown when stopped.
  [[nodiscard]] Result<std::string> digest(const std::stop_token& stop) const;

  /// kDataLoss when size or time of modification are not those of open() any more.
  [[nodiscard]] Status check_unchanged() const;

  /// The stored bytes. The caller may outlive this.
  [[nodiscard]] Result<std::shared_ptr<arrow::io::RandomAccessFile>> random_access() const;

 private:
  FileInput(std::string path, int descriptor, int64_t size_bytes, int64_t modified_ns)
      : path_(std::move(path)), descriptor_(descriptor), size_bytes_(size_bytes), modified_ns_(modified_ns) {}

  const std::string path_;
  const int descriptor_;
  const int64_t size_bytes_;
  const int64_t modified_ns_;
};

/// The text of a file: its stored bytes, decompressed when its name ends in .gz or .zst.
class FileText {
 public:
  [[nodiscard]] static Result<FileText> open(const FileInput& input);

  /// Appends the next bytes, up to about 1 MiB, to *text; nothing at the end. kDataLoss: the compressed file is damaged or
  /// cut off. kUnavailable: it cannot be read.
  [[nodiscard]] Status read(std::string* text);

  /// Stored bytes behind us.
  [[nodiscard]] int64_t bytes_read() const;
  [[nodiscard]] bool compressed() const { return text_ != nullptr; }

 private:
  FileText(std::string path, std::shared_ptr<arrow::io::InputStream> stored,
           std::shared_ptr<arrow::io::InputStream> text)
      : path_(std::move(path)), stored_(std::move(stored)), text_(std::move(text)) {}

  std::string path_;
  std::shared_ptr<arrow::io::InputStream> stored_;
  std::shared_ptr<arrow::io::InputStream> text_;  // Null: as stored.
};

}  // namespace weir::backfill
