#include "backfill/file_input.h"

#include <arrow/io/compressed.h>
#include <arrow/io/file.h>
#include <arrow/util/compression.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "base/digest.h"
#include "batch/arrow_memory.h"

namespace weir::backfill {
namespace {

constexpr int64_t kReadBytes = 1 << 20;

std::string error_text(int error) { return std::strerror(error); }  // NOLINT(concurrency-mt-unsafe)

int64_t modified_ns(const struct stat& about) {
  return int64_t{about.st_mtim.tv_sec} * 1'000'000'000 + about.st_mtim.tv_nsec;
}

std::optional<arrow::Compression::type> compression_of(std::string_view path) {
  if (path.ends_with(".gz")) return arrow::Compression::GZIP;
  if (path.ends_with(".zst")) return arrow::Compression::ZSTD;
  return std::nullopt;
}

}  // namespace

Result<std::unique_ptr<FileInput>> FileInput::open(const std::string& path) {
  // Not to wait for the other end, should it be a pipe.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    const int error = errno;
    if (error == EACCES || error == EPERM) return permission_denied("cannot be opened: " + error_text(error));
    if (error == ENOENT) return not_found("is not there any more");
    return unavailable("cannot be opened: " + error_text(error));
  }
  struct stat about {};
  if (::fstat(descriptor, &about) != 0 || !S_ISREG(about.st_mode)) {
    ::close(descriptor);
    return invalid_argument("is not a regular file");
  }
  return std::unique_ptr<FileInput>(new FileInput(path, descriptor, about.st_size, modified_ns(about)));
}

FileInput::~FileInput() { ::close(descriptor_); }

std::string FileInput::base_name() const { return path_.substr(path_.rfind('/') + 1); }

Result<std::string> FileInput::digest(const std::stop_token& stop) const {
  DigestStream digest;
  std::vector<char> chunk(kReadBytes);
  for (int64_t at = 0;;) {
    if (stop.stop_requested()) return shutting_down("stopped while reading the file");
    const ssize_t got = ::pread(descriptor_, chunk.data(), chunk.size(), at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unavailable("cannot be read: " + error_text(errno));
    if (got == 0) return digest.hex();
    digest.update({chunk.data(), static_cast<size_t>(got)});
    at += got;
  }
}

Status FileInput::check_unchanged() const {
  struct stat about {};
  if (::fstat(descriptor_, &about) != 0) return unavailable("cannot be looked at: " + error_text(errno));
  if (about.st_size == size_bytes_ && modified_ns(about) == modified_ns_) return ok_status();
  return data_loss("was written to while it was being loaded");
}

Result<std::shared_ptr<arrow::io::RandomAccessFile>> FileInput::random_access() const {
  const int own = ::fcntl(descriptor_, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return unavailable("cannot be opened: " + error_text(errno));
  auto file = arrow::io::ReadableFile::Open(own);
  if (!file.ok()) {
    ::close(own);
    return from_arrow(file.status());
  }
  return std::shared_ptr<arrow::io::RandomAccessFile>(std::move(file).ValueUnsafe());
}

Result<FileText> FileText::open(const FileInput& input) {
  WEIR_ASSIGN_OR_RETURN(const auto file, input.random_access());
  auto stored = arrow::io::RandomAccessFile::GetStream(file, 0, input.size_bytes());
  if (!stored.ok()) return from_arrow(stored.status());
  const auto compression = compression_of(input.path());
  if (!compression) return FileText(input.path(), *stored, nullptr);
  auto codec = arrow::util::Codec::Create(*compression);
  if (!codec.ok()) return from_arrow(codec.status());
  // The stream keeps only what it needs of the codec.
  auto text = arrow::io::CompressedInputStream::Make(codec->get(), *stored);
  if (!text.ok()) return from_arrow(text.status());
  return FileText(input.path(), *stored, *text);
}

Status FileText::read(std::string* text) {
  const size_t before = text->size();
  text->resize(before + kReadBytes);
  arrow::io::InputStream& stream = text_ == nullptr ? *stored_ : *text_;
  const auto got = stream.Read(kReadBytes, text->data() + before);
  text->resize(before + static_cast<size_t>(got.ok() ? *got : 0));
  if (got.ok()) return ok_status();
  if (text_ == nullptr) return unavailable("cannot be read: " + got.status().message());
  return data_loss("its compressed content is damaged or cut off: " + got.status().message());
}

int64_t FileText::bytes_read() const { return stored_->Tell().ValueOr(0); }

}  // namespace weir::backfill
