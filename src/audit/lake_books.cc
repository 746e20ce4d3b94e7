#include "audit/lake_books.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <unordered_set>

namespace weir::audit {
namespace {

std::shared_ptr<arrow::Schema> integers(std::initializer_list<const char*> names) {
  arrow::FieldVector fields;
  for (const char* name : names) fields.push_back(arrow::field(name, arrow::int64()));
  return arrow::schema(std::move(fields));
}

int64_t value(const arrow::RecordBatch& batch, int column, int64_t row) {
  return static_cast<const arrow::Int64Array&>(*batch.column(column)).Value(row);
}

// A Delta log escapes its paths as URLs do.
std::string unescaped(std::string_view path) {
  std::string text;
  for (size_t i = 0; i < path.size(); ++i) {
    unsigned value = 0;
    if (path[i] == '%' && i + 2 < path.size() &&
        std::from_chars(path.data() + i + 1, path.data() + i + 3, value, 16).ptr == path.data() + i + 3) {
      text += static_cast<char>(value);
      i += 2;
    } else {
      text += path[i];
    }
  }
  return text;
}

Finding lost_file(const engine::DataFile& file, const std::string& path, StoreName store) {
  Finding finding{.kind = FindingKind::kLostFile, .store = store, .rows = file.rows.value_or(0), .path = path};
  const auto stats = nlohmann::json::parse(file.stats_json, nullptr, /*allow_exceptions=*/false);
  if (!stats.is_object()) return finding;
  const auto bound = [&](const char* which, const char* column, int64_t absent) {
    const auto values = stats.find(which);
    return values != stats.end() && values->contains(column) && (*values)[column].is_number_integer()
               ? (*values)[column].get<int64_t>()
               : absent;
  };
  finding.shard = static_cast<int32_t>(bound("minValues", "_shard", 0));
  finding.range = {Seq{bound("minValues", "_seq", 1)}, Seq{bound("maxValues", "_seq", 0)}};
  return finding;
}

/// The check of one table; a member per thing that is looked at.
class BooksCheck {
 public:
  BooksCheck(const LakeQuery& query, const std::map<int32_t, ShardBooks>& shards, const BooksOptions& options,
             FindingLog& log)
      : query_(query), shards_(shards), options_(options), log_(log) {}

  // Counts by shard, in and above the position.
  Status count() {
    std::string position = "CASE \"_shard\"";
    for (const auto& [shard, books] : shards_) {
      position += " WHEN " + std::to_string(shard) + " THEN " + to_string(books.position);
    }
    // A shard that the table knows nothing of has all its rows above its position.
    position = shards_.empty() ? "-1" : position + " ELSE -1 END";
    const std::string sql = "SELECT \"_shard\" AS shard, \"_seq\" > " + position +
                            " AS above, count(*) AS n, min(\"_seq\") AS first, max(\"_seq\") AS last" + from() +
                            " GROUP BY 1, 2 ORDER BY 1, 2";
    const auto schema = arrow::schema({arrow::field("shard", arrow::int64()), arrow::field("above", arrow::boolean()),
                                       arrow::field("n", arrow::int64()), arrow::field("first", arrow::int64()),
                                       arrow::field("last", arrow::int64())});
    return query_.each_batch(sql, schema, [&](const arrow::RecordBatch& batch) {
      for (int64_t i = 0; i < batch.num_rows(); ++i) {
        const auto shard = static_cast<int32_t>(value(batch, 0, i));
        if (static_cast<const arrow::BooleanArray&>(*batch.column(1)).Value(i)) {
          add_above(shard, value(batch, 2, i), {Seq{value(batch, 3, i)}, Seq{value(batch, 4, i)}});
        } else {
          rows_[shard] = value(batch, 2, i);
        }
      }
      return ok_status();
    });
  }

  // Names identities that are there more than once; returns how many rows there are too many.
  Result<int64_t> find_doubled(int32_t shard, Seq position) {
    int64_t listed = 0;
    int64_t too_many = 0;
    const std::string sql = "SELECT \"_seq\" AS seq, \"_row\" AS row, count(*) AS n" + from() +
                            (options_.row_filter.empty() ? " WHERE " : " AND ") +
                            "\"_shard\" = " + std::to_string(shard) + " AND \"_seq\" <= " + to_string(position) +
                            " GROUP BY 1, 2 HAVING count(*) > 1 ORDER BY 1, 2 LIMIT " +
                            std::to_string(options_.doubled_listed_max);
    Seq last{0};
    WEIR_RETURN_IF_ERROR(query_.each_batch(sql, integers({"seq", "row", "n"}), [&](const arrow::RecordBatch& batch) {
      for (int64_t i = 0; i < batch.num_rows(); ++i) {
        const RowId id{Seq{value(batch, 0, i)}, static_cast<int32_t>(value(batch, 1, i))};
        if (id.seq - last > 1) log_.pass_in_order();
        last = id.seq;
        log_.add_row({.kind = FindingKind::kDoubled, .store = options_.store, .shard = shard, .id = id});
        too_many += value(batch, 2, i) - 1;
        ++listed;
      }
      return ok_status();
    }));
    log_.pass_in_order();
    if (listed == options_.doubled_listed_max) {
      return std::numeric_limits<int64_t>::max();  // More than can be listed: no sum to rely on.
    }
    return too_many;
  }

  [[nodiscard]] const ShardRows& rows() const { return rows_; }

 private:
  [[nodiscard]] std::string from() const {
    return " FROM " + quoted_name(query_.table_name()) +
           (options_.row_filter.empty() ? "" : " WHERE (" + options_.row_filter + ")");
  }

  void add_above(int32_t shard, int64_t rows, SeqRange range) {
    // Dead letters above the position of the rows are left by a crash and do not count (docs/formats/lake.md).
    if (options_.store == StoreName::kDeadLetters) return;
    const auto books = shards_.find(shard);
    log_.add({.kind = FindingKind::kAbovePosition,
              .store = options_.store,
              .table = {},
              .shard = shard,
              .range = range,
              .rows = rows,
              .columns = {},
              .example = {},
              .path = {},
              .detail = books == shards_.end() ? "the table has no position for this shard"
                                               : "the position is " + to_string(books->second.position)});
  }

  const LakeQuery& query_;
  const std::map<int32_t, ShardBooks>& shards_;
  const BooksOptions& options_;
  FindingLog& log_;
  ShardRows rows_;
};

}  // namespace

std::map<int32_t, ShardBooks> shard_books(const std::map<std::string, int64_t>& txns, std::string_view table) {
  const std::string prefix = "weir/" + std::string(table) + "/";
  std::map<int32_t, ShardBooks> shards;
  for (const auto& [app_id, version] : txns) {
    if (!app_id.starts_with(prefix)) continue;
    const std::string rest = app_id.substr(prefix.size());
    int32_t shard = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), shard);
    if (error != std::errc() || end != rest.data() + rest.size()) continue;
    ShardBooks books{.position = Seq{version}, .rows = {}, .rejects = {}};
    const auto counter = [&](const char* name) {
      const auto found = txns.find(app_id + "/" + name);
      return found == txns.end() ? std::optional<int64_t>() : found->second;
    };
    // A shard that never committed an event has no counts; it has no rows either.
    const int64_t events = counter("events").value_or(0);
    books.rejects = counter("rejects").value_or(0);
    books.rows = events - counter("filtered").value_or(0) - *books.rejects;
    shards[shard] = books;
  }
  return shards;
}

Result<FileCheck> check_files(const engine::ObjectStore& objects, const std::string& folder,
                              const engine::TableDescription& description, const std::string& partition,
                              StoreName store, FindingLog& log) {
  WEIR_ASSIGN_OR_RETURN(const auto entries, objects.list(folder));
  std::unordered_set<std::string> there;
  for (const engine::ObjectEntry& entry : entries) there.insert(entry.path);
  FileCheck check;
  std::vector<std::string> readable;
  for (const engine::DataFile& file : description.data_files) {
    const std::string path = folder + "/" + file.path;
    if (there.contains(path) || there.contains(unescaped(path))) {
      readable.push_back(file.path);
      continue;
    }
    check.lost.push_back({.path = path, .rows = file.rows.value_or(0)});
    if (partition.empty() || unescaped(file.path).starts_with(partition + "/")) log.add(lost_file(file, path, store));
  }
  if (!check.lost.empty()) check.readable = std::move(readable);
  return check;
}

Result<ShardRows> check_books(const LakeQuery& query, const std::map<int32_t, ShardBooks>& shards,
                              const std::map<int32_t, int64_t>& expected, const FileCheck& files,
                              const BooksOptions& options, FindingLog& log) {
  BooksCheck check(query, shards, options, log);
  WEIR_RETURN_IF_ERROR(check.count());
  ShardRows rows = check.rows();
  for (const auto& [shard, books] : shards) {
    const int64_t found = rows[shard];
    const auto wanted = expected.find(shard);
    const bool off = wanted != expected.end() && wanted->second != found;
    if (!off && found > options.rows_searched_max) continue;
    WEIR_ASSIGN_OR_RETURN(const int64_t too_many, check.find_doubled(shard, books.position));
    // Doubled rows and lost files are named already; what they do not explain is not.
    if (!off || !files.lost.empty() || found - too_many == wanted->second) continue;
    log.add({.kind = FindingKind::kCountOff,
             .store = options.store,
             .table = {},
             .shard = shard,
             .range = {Seq{1}, books.position},
             .rows = std::abs(found - wanted->second),
             .columns = {},
             .example = {},
             .path = {},
             .detail = std::to_string(found) + " are there, " + std::to_string(wanted->second) + " by its own count"});
  }
  return rows;
}

}  // namespace weir::audit
