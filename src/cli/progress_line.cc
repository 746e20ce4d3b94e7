#include "cli/progress_line.h"

#include <unistd.h>

#include <cstdio>

namespace weir::cli {

std::string grouped(int64_t number) {
  std::string digits = std::to_string(number);
  const size_t first = digits.starts_with('-') ? 1 : 0;
  for (size_t place = digits.size(); place > first + 3; place -= 3) digits.insert(place - 3, 1, ',');
  return digits;
}

std::string progress_text(const StatusSnapshot& snapshot) {
  std::string text;
  for (const TableStatus& table : snapshot.tables) {
    for (const ShardStatus& shard : table.shards) {
      if (!text.empty()) text += " | ";
      text += table.name + " " + grouped(shard.totals.events) + " events";
      text += " (" + grouped(static_cast<int64_t>(shard.rates.events_per_second)) + "/s)";
      text += " lake " + grouped(shard.lake_position);
      if (shard.hot_position) {
        text += " ClickHouse " + std::string(to_string(shard.hot_mode)) + " " + grouped(*shard.hot_position);
      }
      if (shard.lag_events && *shard.lag_events > 0) text += " lag " + grouped(*shard.lag_events);
      if (shard.totals.dead_letters > 0) text += ", " + grouped(shard.totals.dead_letters) + " dead letters";
      if (!shard.stopped_reason.empty()) text += ", STOPPED";
    }
  }
  return text;
}

ProgressLine::ProgressLine() : terminal_(::isatty(STDERR_FILENO) == 1) {}

void ProgressLine::show(const StatusSnapshot& snapshot) {
  if (!snapshot.tables.empty()) show_text(progress_text(snapshot));
}

void ProgressLine::show_text(const std::string& text) {
  if (!terminal_) return;
  std::fprintf(stderr, "\r\033[K%s", text.c_str());
  std::fflush(stderr);
  shown_ = true;
}

void ProgressLine::finish() {
  if (shown_) std::fputc('\n', stderr);
  shown_ = false;
}

}  // namespace weir::cli
