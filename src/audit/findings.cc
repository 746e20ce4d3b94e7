#include "audit/findings.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace weir::audit {
namespace {

std::string rows_text(int64_t rows) { return rows == 1 ? "1 row" : std::to_string(rows) + " rows"; }

std::string seqs_text(const SeqRange& range) {
  return range.first == range.last ? "_seq " + to_string(range.first) : "_seq " + to_string(range);
}

std::string hash_text(uint64_t hash) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string where_seqs(const Finding& finding) {
  return "_shard = " + std::to_string(finding.shard) + " AND _seq BETWEEN " + to_string(finding.range.first) + " AND " +
         to_string(finding.range.last);
}

// Nothing here is mended silently: which copy or which value is right is for a person to say.
std::string mend_clickhouse(const Finding& finding, const std::string& file) {
  return "look at both sides first; then delete the range in ClickHouse (ALTER TABLE " + finding.table + " DELETE WHERE " +
         where_seqs(finding) + ") and fill it from the lake: weir audit " + file + " --table " + finding.table + " --heal";
}

std::string rebuild_lake(const Finding& finding, const std::string& file) {
  return "the lake is the reference and is not mended in place: restore the table to a version before it (weir query " +
         file + " \"SELECT ..\" --version N finds one), or build it anew beside this one with weir backfill " + file +
         " --table " + finding.table + " --to lake --from-stream";
}

}  // namespace

std::string_view to_string(StoreName store) {
  switch (store) {
    case StoreName::kStream: return "the stream";
    case StoreName::kLake: return "the lake";
    case StoreName::kDeadLetters: return "the dead letters";
    case StoreName::kClickHouse: return "ClickHouse";
  }
  return "";
}

std::string_view to_string(FindingKind kind) {
  switch (kind) {
    case FindingKind::kMissing: return "missing";
    case FindingKind::kDoubled: return "doubled";
    case FindingKind::kChanged: return "changed";
    case FindingKind::kAbovePosition: return "above_position";
    case FindingKind::kErasedRowThere: return "erased_row_there";
    case FindingKind::kLostFile: return "lost_file";
    case FindingKind::kCountOff: return "count_off";
    case FindingKind::kTableMissing: return "table_missing";
  }
  return "";
}

std::string describe(const Finding& finding) {
  const std::string store(to_string(finding.store));
  std::string text;
  switch (finding.kind) {
    case FindingKind::kMissing: text = "missing in " + store; break;
    case FindingKind::kDoubled: text = "doubled in " + store; break;
    case FindingKind::kChanged: text = "changed in " + store; break;
    case FindingKind::kAbovePosition: text = "above the position in " + store; break;
    case FindingKind::kErasedRowThere: text = "erased, but in " + store; break;
    case FindingKind::kLostFile: text = "lost file " + finding.path; break;
    case FindingKind::kCountOff: text = "count is off in " + store; break;
    case FindingKind::kTableMissing: text = "no table in " + store; break;
  }
  text += ": shard " + std::to_string(finding.shard) + ", ";
  if (!finding.range.empty()) text += seqs_text(finding.range) + ", ";
  text += rows_text(finding.rows);
  if (finding.example) {
    text += "; first _seq " + to_string(finding.example->seq) + " _row " + std::to_string(finding.example->row);
  }
  if (finding.kind == FindingKind::kChanged) {
    text += ", hash " + hash_text(finding.reference_hash) + " became " + hash_text(finding.store_hash);
  }
  if (!finding.columns.empty()) text += "; columns: " + joined(finding.columns);
  if (!finding.detail.empty()) text += "; " + finding.detail;
  return text;
}

std::string next_step(const Finding& finding, std::string_view file) {
  const std::string name(file);
  const bool hot = finding.store == StoreName::kClickHouse;
  switch (finding.kind) {
    case FindingKind::kMissing:
      if (hot) return "weir audit " + name + " --table " + finding.table + " --heal";
      return rebuild_lake(finding, name);
    case FindingKind::kDoubled:
    case FindingKind::kChanged: return hot ? mend_clickhouse(finding, name) : rebuild_lake(finding, name);
    case FindingKind::kAbovePosition:
      if (hot) {
        return "somebody else writes into this table, or NATS lost the position: start weir run " + name +
               ", which recounts; rows that stay are not ours: ALTER TABLE " + finding.table + " DELETE WHERE " +
               where_seqs(finding);
      }
      return rebuild_lake(finding, name);
    case FindingKind::kErasedRowThere:
      return "the erasure was interrupted, or somebody put the rows back: repeat weir erase " + name + " --table " +
             finding.table + " with the same --where and --reason";
    case FindingKind::kLostFile:
      return "bring the file back from a backup of the store; if there is none, " + rebuild_lake(finding, name);
    case FindingKind::kCountOff: return rebuild_lake(finding, name);
    case FindingKind::kTableMissing:
      return hot ? "start weir run " + name + ", which makes it, then weir backfill " + name + " --table " +
                       finding.table + " --to clickhouse"
                 : "restore the folder from a backup of the store";
  }
  return "";
}

void FindingLog::add_row(RowFault fault) {
  extend_or_add({.kind = fault.kind,
                 .store = fault.store,
                 .table = {},
                 .shard = fault.shard,
                 .range = {fault.id.seq, fault.id.seq},
                 .rows = 1,
                 .columns = std::move(fault.columns),
                 .example = fault.id,
                 .reference_hash = fault.reference_hash,
                 .store_hash = fault.store_hash,
                 .path = {},
                 .detail = std::move(fault.detail)});
}

void FindingLog::extend_or_add(Finding finding) {
  if (open_) {
    Finding& last = findings_.back();
    if (last.kind == finding.kind && last.store == finding.store && last.shard == finding.shard &&
        last.columns == finding.columns && last.detail == finding.detail) {
      last.range.last = finding.range.last;
      last.rows += finding.rows;
      rows_ += finding.rows;
      return;
    }
  }
  add(std::move(finding));
  open_ = omitted_ == 0;
}

void FindingLog::add(Finding finding) {
  rows_ += finding.rows;
  open_ = false;
  if (findings_.size() >= findings_max_) {
    ++omitted_;
    return;
  }
  finding.table = table_;
  findings_.push_back(std::move(finding));
}

}  // namespace weir::audit
