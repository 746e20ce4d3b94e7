#include "nats/read_range.h"

#include <algorithm>

namespace weir::nats {
namespace {

constexpr ReadLimits kLimits{.messages_max = 20'000, .bytes_max = 8 << 20, .wait = std::chrono::milliseconds(200)};

}  // namespace

Status read_range(StreamSource& source, SeqRange range, std::chrono::seconds patience, const std::function<bool()>& stopped,
                  const std::function<Result<bool>(const MessageBatch& batch, SeqRange piece)>& take) {
  Seq next = range.first;
  auto quiet_since = std::chrono::steady_clock::now();
  while (next <= range.last) {
    if (stopped()) return shutting_down("nobody waits for " + to_string(range) + " any more");
    const auto batch = source.next(kLimits, {});
    if (!batch.ok() && batch.status().disposition() != Disposition::kRetry) return batch.status();
    if (!batch.ok() || (*batch)->range().empty()) {
      if (std::chrono::steady_clock::now() - quiet_since < patience) continue;
      return batch.ok() ? unavailable("no event after " + to_string(next - 1) + " comes, though the stream holds more")
                        : batch.status();
    }
    const SeqRange piece{next, std::min((*batch)->range().last, range.last)};
    WEIR_ASSIGN_OR_RETURN(const bool more, take(**batch, piece));
    if (!more) return ok_status();
    next = piece.last + 1;
    quiet_since = std::chrono::steady_clock::now();
  }
  return ok_status();
}

}  // namespace weir::nats
