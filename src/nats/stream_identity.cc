#include "nats/stream_identity.h"

#include <algorithm>
#include <ctime>

#include "base/ids.h"

namespace weir::nats {
namespace {

constexpr const char* kWayOut =
    "; nothing was skipped: mend the stream, or restart with --accept-gap to go on without these events and record the "
    "gap";

std::string range_text(int64_t first, int64_t last, int64_t base) {
  return to_string(SeqRange{Seq{first + base}, Seq{last + base}});
}

/// 2026-01-31T12:00:00.000001Z
std::string utc_text(int64_t time_us) {
  const std::time_t seconds = time_us / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  const std::string micros = std::to_string(1'000'000 + time_us % 1'000'000).substr(1);
  return std::string(text, length) + "." + micros + "Z";
}

Status lost(const std::string& stream, const std::string& what) {
  return data_loss("stream " + stream + ": " + what + kWayOut);
}

}  // namespace

Status lost_with_its_stream(const std::string& stream, Seq position) {
  return lost(stream, "missing whatever followed event " + to_string(position) +
                          " (deleted: there is no such stream any more)");
}

Status lost_to_trimming(const StreamInfo& now, int64_t first, int64_t base) {
  const std::string missing = "missing events " + range_text(first, now.first_seq - 1, base);
  // Without limits nothing but a purge (or deletes) moves the stream's beginning; with limits both can.
  const std::string reason = now.limited ? " (trimmed by the stream's limits or purged before they were read)"
                                         : " (purged before they were read)";
  const std::string holds = now.messages == 0 ? "it is empty and goes on at " : "its first event is ";
  return lost(now.name, missing + reason + ": " + holds + std::to_string(now.first_seq + base));
}

Status check_identity(const StreamInfo& now, int64_t first, int64_t base, const std::optional<StreamIdentity>& known,
                      const TimeAtPosition& at_position) {
  const int64_t position = first - 1;
  if (known && known->created_us != 0 && known->created_us != now.created_us) {
    return lost(now.name, "missing whatever followed event " + std::to_string(position + base) +
                              " in its former life (re-created: " + "it was created at " + utc_text(known->created_us) +
                              ", now at " + utc_text(now.created_us) + " and holds " +
                              range_text(now.first_seq, now.last_seq, 0) + " of its own)");
  }
  // What was read may reach beyond the position: tables of one stream, and stores of one table, stand at different places.
  const int64_t read = known ? std::max(position, known->last_seq) : position;
  if (now.last_seq < position && !known) {
    return lost(now.name, "missing events " + range_text(now.last_seq + 1, position, base) + " (the stream ends at " +
                              std::to_string(now.last_seq + base) + ", before the position " +
                              std::to_string(position + base) + ")");
  }
  if (now.last_seq < read) {
    return lost(now.name, "missing events " + range_text(now.last_seq + 1, read, base) +
                              " (rolled back: we have read them, but the stream ends at " +
                              std::to_string(now.last_seq + base) + " and will give these sequences to other events)");
  }
  if (known && known->last_time_us != 0 && at_position.kind == TimeAtPosition::Kind::kKnown &&
      at_position.time_us != known->last_time_us) {
    return lost(now.name, "missing events up to " + std::to_string(known->last_seq + base) +
                              " as we have read them (rolled back and written over: event " +
                              std::to_string(known->last_seq + base) + " was stored at " +
                              utc_text(known->last_time_us) + ", the stream now holds one of " +
                              utc_text(at_position.time_us) + " there)");
  }
  if (now.first_seq > first) return lost_to_trimming(now, first, base);
  return ok_status();
}

}  // namespace weir::nats
