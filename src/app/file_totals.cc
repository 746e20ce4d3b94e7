#include "app/file_totals.h"

#include <charconv>

#include "engine/table_description.h"

namespace weir::app {
namespace {

// The shard and the name behind it of an application transaction `weir/<table>/<shard>[/<name>]` of a file.
struct FileTxn {
  int32_t shard = 0;
  std::string_view name;  // "" is the position.
};

std::optional<FileTxn> parse_file_txn(std::string_view app_id, std::string_view table) {
  const std::string prefix = "weir/" + std::string(table) + "/-";
  if (!app_id.starts_with(prefix)) return std::nullopt;
  app_id.remove_prefix(prefix.size() - 1);
  FileTxn txn;
  const auto [end, error] = std::from_chars(app_id.data(), app_id.data() + app_id.size(), txn.shard);
  if (error != std::errc()) return std::nullopt;
  txn.name = app_id.substr(static_cast<size_t>(end - app_id.data()));
  return txn;
}

}  // namespace

Result<std::map<int32_t, int64_t>> file_positions(const engine::Snapshot& snapshot, std::string_view table) {
  WEIR_ASSIGN_OR_RETURN(const auto description, snapshot.describe(/*with_files=*/false));
  std::map<int32_t, int64_t> positions;
  for (const auto& [app_id, version] : description.txns) {
    if (const auto txn = parse_file_txn(app_id, table); txn && txn->name.empty()) positions[txn->shard] = version;
  }
  return positions;
}

Result<std::optional<FileTotals>> file_totals(const engine::Snapshot& snapshot, std::string_view table) {
  WEIR_ASSIGN_OR_RETURN(const auto description, snapshot.describe(/*with_files=*/false));
  FileTotals totals;
  for (const auto& [app_id, version] : description.txns) {
    const auto txn = parse_file_txn(app_id, table);
    if (!txn) continue;
    if (txn->name.empty()) ++totals.files;
    if (txn->name == "/events") totals.rows += version;
    if (txn->name == "/filtered") totals.filtered += version;
    if (txn->name == "/rejects") totals.dead_letters += version;
  }
  if (totals.files == 0) return std::optional<FileTotals>();
  totals.rows -= totals.filtered + totals.dead_letters;
  return std::optional(totals);
}

Result<std::map<int32_t, int64_t>> unfinished_files(const engine::Snapshot& rows, const engine::Snapshot& dead_letters,
                                                    std::string_view table) {
  WEIR_ASSIGN_OR_RETURN(const auto row_positions, file_positions(rows, table));
  WEIR_ASSIGN_OR_RETURN(const auto letter_positions, file_positions(dead_letters, table));
  std::map<int32_t, int64_t> unfinished;
  for (const auto& [shard, position] : letter_positions) {
    const auto found = row_positions.find(shard);
    const int64_t counted = found == row_positions.end() ? 0 : found->second;
    if (position > counted) unfinished[shard] = counted;
  }
  return unfinished;
}

// The predicate names few shards, however many files there are.
Result<std::string> counted_file_letters(const engine::Snapshot& rows, const engine::Snapshot& dead_letters,
                                         std::string_view table) {
  WEIR_ASSIGN_OR_RETURN(const auto unfinished, unfinished_files(rows, dead_letters, table));
  std::string predicate = "(\"table\" = '" + std::string(table) + "' AND _shard < 0";
  for (const auto& [shard, counted] : unfinished) {
    predicate += " AND NOT (_shard = " + std::to_string(shard) + " AND _seq > " + std::to_string(counted) + ")";
  }
  return predicate + ")";
}

}  // namespace weir::app
