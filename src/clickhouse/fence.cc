#include "clickhouse/fence.h"

#include <charconv>

#include "clickhouse/ddl.h"
#include "clickhouse/sql_text.h"

namespace weir::clickhouse {
namespace {

// Each round ends every statement that could undo the one before, so the second already finds the fence as it left it.
constexpr int kRaiseRoundsMax = 5;

// What tells the query ids of raises from those of INSERTs: no token begins like this.
constexpr std::string_view kRaisePrefix = "*raise/";

std::string join_get(const std::string& database, const std::string& key_expression) {
  return "joinGet(" + quote_string(database + "." + std::string(kFenceTable)) + ", 'epoch', " + key_expression + ")";
}

}  // namespace

std::string Fence::key(const HotWriter& writer) const {
  return table_ + "/" + std::to_string(writer.shard) + (writer.path == HotWriter::Path::kBulk ? "-bulk" : "");
}

std::string Fence::condition() const {
  return "throwIf(" + join_get(client_.options().database, "{fence_key:String}") + " != {epoch:Int64}, " +
         quote_string(kFencedMessage) + ") = 0";
}

std::string Fence::query_id(const HotWriter& writer, std::string_view rest) const {
  return client_.options().database + "/" + key(writer) + "/" + std::string(rest);
}

Result<Epoch> Fence::epoch(const HotWriter& writer) {
  WEIR_ASSIGN_OR_RETURN(
      const auto rows,
      client_.query_rows({.sql = "SELECT " + join_get(client_.options().database, "{fence_key:String}"),
                          .parameters = {{"fence_key", key(writer)}}}));
  Epoch epoch;
  if (rows.size() != 1 || rows[0].size() != 1) return unavailable("the fence gave no answer");
  const std::string& text = rows[0][0];
  std::from_chars(text.data(), text.data() + text.size(), epoch.value);
  return epoch;
}

Status Fence::write_if_lower(const HotWriter& writer, Epoch epoch) {
  const std::string& database = client_.options().database;
  Statement statement{.sql = "INSERT INTO " + qualified(database, kFenceTable) +
                             " SELECT {fence_key:String}, {epoch:Int64} " + "WHERE " +
                             join_get(database, "{fence_key:String}") + " < {epoch:Int64}",
                      .parameters = {{"fence_key", key(writer)}, {"epoch", std::to_string(epoch.value)}}};
  statement.settings.emplace_back("query_id", query_id(writer, std::string(kRaisePrefix) + std::to_string(epoch.value) +
                                                                  "/" + std::to_string(clock_.unix_us())));
  return client_.execute(statement);
}

// A statement checks the fence only after it is listed in system.processes. So one that is not listed now will see our
// epoch, and one that is listed is ended here: KILL ... SYNC returns when it is gone. Other raises, which last
// milliseconds, are waited for.
Status Fence::end_older_statements(const HotWriter& writer) {
  const std::string listed = " WHERE startsWith(query_id, {prefix:String})";
  const std::string inserts = listed + " AND NOT startsWith(query_id, {raises:String})";
  const std::vector<std::pair<std::string, std::string>> prefixes{{"prefix", query_id(writer, "")},
                                                                  {"raises", query_id(writer, kRaisePrefix)}};
  const auto deadline = clock_.now() + wait_max_;
  while (true) {
    WEIR_ASSIGN_OR_RETURN(const auto rows, client_.query_rows({.sql = "SELECT count() FROM system.processes" + listed,
                                                               .parameters = prefixes}));
    if (rows.size() == 1 && rows[0][0] == "0") return ok_status();
    if (clock_.now() >= deadline) return unavailable("an older INSERT of " + key(writer) + " does not end");
    WEIR_RETURN_IF_ERROR(client_.execute({.sql = "KILL QUERY" + inserts + " SYNC", .parameters = prefixes}));
  }
}

Status Fence::raise(const HotWriter& writer, Epoch epoch) {
  for (int round = 0; round < kRaiseRoundsMax; ++round) {
    WEIR_RETURN_IF_ERROR(write_if_lower(writer, epoch));
    WEIR_RETURN_IF_ERROR(end_older_statements(writer));
    // Read last: a slower, lower raise that had compared before ours was written may have overwritten it.
    WEIR_ASSIGN_OR_RETURN(const Epoch found, this->epoch(writer));
    if (found == epoch) return ok_status();
    if (found > epoch) {
      return fenced("epoch " + std::to_string(epoch.value) + " of " + key(writer) + " was replaced by " +
                    std::to_string(found.value));
    }
  }
  return unavailable("the fence of " + key(writer) + " does not keep epoch " + std::to_string(epoch.value));
}

}  // namespace weir::clickhouse
