#include "backfill/file_loader.h"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace weir::backfill {
namespace {

void wait_for(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace

FileLoader::FileLoader(FileLoaderPorts ports, FileLoaderOptions options)
    : ports_(std::move(ports)),
      options_(std::move(options)),
      dead_letters_(ports_.dead_letters, options_.table, options_.shard, options_.epoch, ports_.reject_rows),
      lake_(ports_.rows, {.table = options_.table,
                          .shard = options_.shard,
                          .epoch = options_.epoch,
                          .stream_base = 0,
                          .stream_created_us = 0,
                          .initial = Seq{0}}) {}

Result<Seq> FileLoader::take_over() {
  WEIR_RETURN_IF_ERROR(dead_letters_.resolve().status());
  return lake_.resolve();
}

Status FileLoader::run(const std::stop_token& stop) {
  started_ = std::chrono::steady_clock::now();
  WEIR_RETURN_IF_ERROR(ports_.reader.seek(position() + 1));
  while (!stop.stop_requested()) {
    WEIR_ASSIGN_OR_RETURN(const auto batch, ports_.reader.next(options_.read));
    if (batch->range().empty()) return commit(stop);
    WEIR_RETURN_IF_ERROR(take(*batch));
    if (pending_bytes_ >= options_.commit_bytes) WEIR_RETURN_IF_ERROR(commit(stop));
    if (ports_.moved) ports_.moved(batch->range().last, ports_.reader.bytes_read());
    throttle(stop);
  }
  WEIR_RETURN_IF_ERROR(commit(stop));
  return shutting_down("stopped at row " + to_string(position()));
}

// The dead letters may stand above the rows after a crash. Their sink takes a slice whole or not at all, so one slice
// ends exactly there.
Status FileLoader::take(const MessageBatch& batch) {
  SeqRange range = batch.range();
  rows_read_ += range.length();
  const Seq known = dead_letters_.position();
  if (range.contains(known) && known < range.last) {
    WEIR_RETURN_IF_ERROR(add_slice(batch, {range.first, known}));
    range.first = known + 1;
  }
  return add_slice(batch, range);
}

Status FileLoader::add_slice(const MessageBatch& batch, SeqRange range) {
  WEIR_ASSIGN_OR_RETURN(auto slice, ports_.transform.apply(batch, range));
  pending_bytes_ += slice->bytes;
  pending_.push_back(std::move(slice));
  return ok_status();
}

Status FileLoader::commit(const std::stop_token& stop) {
  if (pending_.empty()) return ok_status();
  const Seq last = pending_.back()->range.last;
  for (int attempt = 0;; ++attempt) {
    Status status = ports_.may_commit();
    if (status.ok()) status = write_once();
    if (status.disposition() == Disposition::kReconcile) status = resolve(last);
    if (status.ok() && position() == last) break;
    if (!status.ok() && status.disposition() != Disposition::kRetry) return status;
    if (attempt + 1 >= options_.attempts_max) {
      return status.ok() ? unavailable("the lake did not take rows up to " + to_string(last)) : status;
    }
    wait_for(options_.retry.delay(attempt, 0), stop);
  }
  ++commits_;
  pending_.clear();
  pending_bytes_ = 0;
  return ok_status();
}

Status FileLoader::write_once() {
  WEIR_RETURN_IF_ERROR(dead_letters_.write(pending_));
  return lake_.write(pending_);
}

// After anything ambiguous the store is asked: either the commit is in, or nothing of it is. Ok in both cases; the
// position tells which.
Status FileLoader::resolve(Seq last) {
  const Seq before = position();
  WEIR_ASSIGN_OR_RETURN(const Seq now, take_over());
  if (now == before || now == last) return ok_status();
  return fenced("the position of shard " + std::to_string(options_.shard) + " moved from " + to_string(before) + " to " +
                to_string(now) + " by another loader");
}

void FileLoader::throttle(const std::stop_token& stop) {
  if (options_.rows_per_second <= 0) return;
  const std::chrono::duration<double> due(static_cast<double>(rows_read_) / static_cast<double>(options_.rows_per_second));
  const auto elapsed = std::chrono::steady_clock::now() - started_;
  if (due > elapsed) wait_for(std::chrono::duration_cast<std::chrono::milliseconds>(due - elapsed), stop);
}

}  // namespace weir::backfill
