#include "cli/audit_report.h"

#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/progress_line.h"
#include "cli/text_table.h"

namespace weir::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string count_text(const std::optional<int64_t>& count) { return count ? grouped(*count) : "-"; }

std::string verdict_of(const audit::RangeReport& range) {
  if (range.equal()) return range.hot_rows && !range.lake_rows ? "nothing there" : "equal";
  return "DIFFERENT: " + grouped(range.rows_at_fault) + (range.rows_at_fault == 1 ? " row" : " rows");
}

void print_ranges(const audit::TableReport& report, std::ostream& out) {
  TextTable table;
  table.add({"shard", "range", "compared", "stream", "lake", "dead letters", "ClickHouse", "verdict"});
  for (const audit::RangeReport& range : report.ranges) {
    table.add({std::to_string(range.shard), to_string(range.range), range.what, count_text(range.stream_rows),
               count_text(range.lake_rows), count_text(range.dead_letters), count_text(range.hot_rows),
               verdict_of(range)});
  }
  out << table.render("  ");
}

void print_table(const audit::TableReport& report, std::string_view file, std::ostream& out) {
  out << report.table << ", lake version " << report.lake_version << "\n";
  if (!report.ranges.empty()) print_ranges(report, out);
  for (const audit::Finding& finding : report.log.findings()) {
    out << "  difference: " << describe(finding) << "\n    next: " << next_step(finding, file) << "\n";
  }
  if (report.log.omitted() > 0) {
    out << "  and " << grouped(report.log.omitted())
        << " more ranges that differ; mend these first, then audit again\n";
  }
  for (const lake::Gap& gap : report.gaps) {
    out << "  accepted gap: shard " << gap.shard << ", _seq " << to_string(gap.range) << ": " << gap.reason << "\n";
  }
  for (const audit::Erasure& erasure : report.erasures) {
    out << "  erasure " << erasure.number << (erasure.done ? "" : " (NOT FINISHED)") << ": "
        << grouped(erasure.identities.size()) << " rows, " << erasure.reason << "\n";
  }
  for (const audit::LetterDecision& decision : report.letter_decisions) {
    out << "  dead letters " << to_string(decision.fate) << " (" << decision.number
        << (decision.done ? "): " : ", NOT FINISHED): ") << grouped(decision.letters.size());
    if (decision.fate == audit::LetterFate::kReplayed)
      out << ", of which " << grouped(decision.rows.size()) << " became rows";
    out << (decision.reason.empty() ? "" : ", " + decision.reason) << "\n";
  }
  if (report.quarantined > 0) {
    out << "  quarantined: " << grouped(report.quarantined) << " rows that ClickHouse can never take\n";
  }
  for (const std::string& note : report.notes) out << "  note: " << note << "\n";
}

Json range_json(const audit::RangeReport& range) {
  const auto number = [](const std::optional<int64_t>& count) { return count ? Json(*count) : Json(nullptr); };
  return {{"shard", range.shard},
          {"first_seq", range.range.first.value},
          {"last_seq", range.range.last.value},
          {"compared", range.what},
          {"stream", number(range.stream_rows)},
          {"lake", number(range.lake_rows)},
          {"dead_letters", number(range.dead_letters)},
          {"clickhouse", number(range.hot_rows)},
          {"rows_at_fault", range.rows_at_fault},
          {"equal", range.equal()}};
}

std::string store_word(audit::StoreName store) {
  switch (store) {
    case audit::StoreName::kStream: return "stream";
    case audit::StoreName::kLake: return "lake";
    case audit::StoreName::kDeadLetters: return "dead_letters";
    case audit::StoreName::kClickHouse: return "clickhouse";
  }
  return "";
}

Json finding_json(const audit::Finding& finding, std::string_view file) {
  Json json{
      {"kind", std::string(to_string(finding.kind))}, {"store", store_word(finding.store)},   {"shard", finding.shard},
      {"first_seq", finding.range.first.value},       {"last_seq", finding.range.last.value}, {"rows", finding.rows}};
  if (finding.example) json["example"] = {{"_seq", finding.example->seq.value}, {"_row", finding.example->row}};
  if (finding.kind == audit::FindingKind::kChanged) {
    // As text: JSON readers keep 53 bits of a number.
    json["reference_hash"] = std::to_string(finding.reference_hash);
    json["store_hash"] = std::to_string(finding.store_hash);
    json["columns"] = finding.columns;
  }
  if (!finding.path.empty()) json["path"] = finding.path;
  if (!finding.detail.empty()) json["detail"] = finding.detail;
  json["next"] = next_step(finding, file);
  return json;
}

Json table_json(const audit::TableReport& report, std::string_view file) {
  Json ranges = Json::array();
  for (const audit::RangeReport& range : report.ranges) ranges.push_back(range_json(range));
  Json findings = Json::array();
  for (const audit::Finding& finding : report.log.findings()) findings.push_back(finding_json(finding, file));
  Json gaps = Json::array();
  for (const lake::Gap& gap : report.gaps) {
    gaps.push_back({{"shard", gap.shard},
                    {"first_seq", gap.range.first.value},
                    {"last_seq", gap.range.last.value},
                    {"reason", gap.reason}});
  }
  Json erasures = Json::array();
  for (const audit::Erasure& erasure : report.erasures) {
    Json shards = Json::array();
    for (const auto& [shard, upto] : erasure.upto) {
      shards.push_back({{"shard", shard}, {"rows", erasure.identities.size(shard)}, {"upto", upto.value}});
    }
    erasures.push_back({{"number", erasure.number},
                        {"predicate", erasure.predicate},
                        {"reason", erasure.reason},
                        {"done", erasure.done},
                        {"shards", std::move(shards)}});
  }
  Json decisions = Json::array();
  for (const audit::LetterDecision& decision : report.letter_decisions) {
    Json shards = Json::array();
    for (const auto& [shard, identities] : decision.letters.shards()) {
      shards.push_back(
          {{"shard", shard}, {"letters", decision.letters.size(shard)}, {"rows", decision.rows.size(shard)}});
    }
    decisions.push_back({{"number", decision.number},
                         {"fate", to_string(decision.fate)},
                         {"reason", decision.reason},
                         {"done", decision.done},
                         {"shards", std::move(shards)}});
  }
  return {{"table", report.table},
          {"lake_version", report.lake_version},
          {"clean", report.clean()},
          {"ranges", std::move(ranges)},
          {"findings", std::move(findings)},
          {"findings_omitted", report.log.omitted()},
          {"rows_at_fault", report.log.rows()},
          {"gaps", std::move(gaps)},
          {"erasures", std::move(erasures)},
          {"letter_decisions", std::move(decisions)},
          {"quarantined", report.quarantined},
          {"notes", report.notes}};
}

}  // namespace

void print_audit(const std::vector<audit::TableReport>& reports, std::string_view file, std::ostream& out) {
  int64_t findings = 0;
  for (const audit::TableReport& report : reports) {
    print_table(report, file, out);
    findings += static_cast<int64_t>(report.log.findings().size()) + report.log.omitted();
  }
  if (findings == 0) {
    out << "no difference\n";
  } else {
    out << grouped(findings) << (findings == 1 ? " difference\n" : " differences\n");
  }
}

std::string audit_json(const std::vector<audit::TableReport>& reports, std::string_view file) {
  Json tables = Json::array();
  bool clean = true;
  for (const audit::TableReport& report : reports) {
    tables.push_back(table_json(report, file));
    clean = clean && report.clean();
  }
  return Json{{"clean", clean}, {"tables", std::move(tables)}}.dump();
}

}  // namespace weir::cli
