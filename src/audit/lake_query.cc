#include "audit/lake_query.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <map>
#include <set>
#include <vector>

#include "lake/row_cast.h"

namespace weir::audit {

Status LakeQuery::each_batch(const std::string& sql, const std::shared_ptr<arrow::Schema>& schema,
                             const std::function<Status(const arrow::RecordBatch&)>& take) const {
  WEIR_ASSIGN_OR_RETURN(const auto reader, engine::query(*engine_, {table_}, sql));
  while (true) {
    std::shared_ptr<arrow::RecordBatch> batch;
    if (const auto status = reader->ReadNext(&batch); !status.ok()) return unavailable(status.message());
    if (batch == nullptr) return ok_status();
    WEIR_ASSIGN_OR_RETURN(const auto cast, lake::cast_rows(*batch, schema));
    WEIR_RETURN_IF_ERROR(take(*cast));
  }
}

namespace {

// One shard's, with all sequences of a row ordinal together.
std::string by_row(const std::vector<IdentityRange>& ranges) {
  constexpr int64_t kListed = 64;
  std::string sql;
  for (size_t i = 0; i < ranges.size();) {
    const int32_t row = ranges[i].row;
    std::string list;
    std::string spans;
    for (; i < ranges.size() && ranges[i].row == row; ++i) {
      const SeqRange seqs = ranges[i].seqs;
      if (seqs.length() > kListed) {
        spans += " OR \"_seq\" BETWEEN " + to_string(seqs.first) + " AND " + to_string(seqs.last);
        continue;
      }
      for (Seq seq = seqs.first; seq <= seqs.last; seq = seq + 1) list += (list.empty() ? "" : ", ") + to_string(seq);
    }
    sql += (sql.empty() ? "" : " OR ") + ("(\"_row\" = " + std::to_string(row)) + " AND (" +
           (list.empty() ? "false" : "\"_seq\" IN (" + list + ")") + spans + "))";
  }
  return sql;
}

// One shard's, with all row ordinals of a sequence together: a message of many lines.
std::string by_seq(const std::vector<IdentityRange>& ranges) {
  std::map<Seq, std::string> rows;
  for (const IdentityRange& range : ranges) {
    for (Seq seq = range.seqs.first; seq <= range.seqs.last; seq = seq + 1) {
      std::string& list = rows[seq];
      list += (list.empty() ? "" : ", ") + std::to_string(range.row);
    }
  }
  std::string sql;
  for (const auto& [seq, list] : rows) {
    sql += (sql.empty() ? "" : " OR ") + ("(\"_seq\" = " + to_string(seq)) + " AND \"_row\" IN (" + list + "))";
  }
  return sql;
}

// Whether there are fewer sequences than ordinals. Not looked at where the identities are too many for lists of
// sequences.
bool has_long_messages(const std::vector<IdentityRange>& ranges, int64_t identities) {
  constexpr int64_t kListedMax = 100'000;
  if (identities > kListedMax) return false;
  std::set<int32_t> rows;
  std::set<Seq> seqs;
  for (const IdentityRange& range : ranges) {
    rows.insert(range.row);
    for (Seq seq = range.seqs.first; seq <= range.seqs.last; seq = seq + 1) seqs.insert(seq);
  }
  return seqs.size() < rows.size();
}

}  // namespace

std::string identities_sql(const IdentitySet& identities) {
  // Lists, because a chain of OR is parsed by recursion: the fewer terms, the better.
  std::string sql;
  for (const auto& [shard, ranges] : identities.shards()) {
    if (ranges.empty()) continue;
    sql += (sql.empty() ? "" : " OR ") + ("(\"_shard\" = " + std::to_string(shard)) + " AND (" +
           (has_long_messages(ranges, identities.size(shard)) ? by_seq(ranges) : by_row(ranges)) + "))";
  }
  return sql.empty() ? "false" : sql;
}

std::string quoted_text(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "''" : std::string(1, c);
  return quoted + "'";
}

std::string quoted_name(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

}  // namespace weir::audit
