#include "trino/publisher.h"

#include <algorithm>
#include <utility>

#include "trino/sql_text.h"

namespace weir::trino {
namespace {

constexpr std::string_view kDeadLetterFolder = "_dead_letters";
constexpr std::string_view kShapePrefix = "_shape_";

std::string text_at(const nlohmann::json& row, size_t column) {
  return row.is_array() && row.size() > column && row[column].is_string() ? row[column].get<std::string>() : "";
}

// Everything Weir looks at, in one statement: a round that has nothing to do costs the server this one.
std::string state_query(const std::string& admin_catalog) {
  const std::string catalog = quote_identifier(admin_catalog);
  const std::string views = quote_string(kViewSchema);
  const std::string tables = quote_string(kLakeSchema);
  return "SELECT 'schema', schema_name, '' FROM " + catalog + ".information_schema.schemata WHERE schema_name IN (" +
         views + ", " + tables + ") UNION ALL SELECT 'table', table_name, '' FROM " + catalog +
         ".information_schema.tables WHERE table_schema = " + tables +
         " UNION ALL SELECT 'view', table_name, view_definition FROM " + catalog +
         ".information_schema.views WHERE table_schema = " + views +
         " UNION ALL SELECT 'comment', table_name, comment FROM system.metadata.table_comments WHERE catalog_name = " +
         quote_string(admin_catalog) + " AND schema_name = " + views;
}

// The numbers of a query, in order: all that two texts with one mask differ in.
std::vector<std::string_view> numbers_of(std::string_view sql) {
  std::vector<std::string_view> numbers;
  constexpr std::string_view kDigits = "0123456789";
  for (size_t at = sql.find_first_of(kDigits); at != std::string_view::npos; at = sql.find_first_of(kDigits, at)) {
    const size_t end = std::min(sql.find_first_not_of(kDigits, at), sql.size());
    numbers.push_back(sql.substr(at, end - at));
    at = end;
  }
  return numbers;
}

ViewReport failed(std::string view, Status status) {
  ViewReport report{
      .view = std::move(view), .outcome = ViewOutcome::kFailed, .content = {}, .detail = status.message()};
  report.status = std::move(status);
  return report;
}

}  // namespace

std::string_view to_string(ViewOutcome outcome) {
  switch (outcome) {
    case ViewOutcome::kPublished: return "published";
    case ViewOutcome::kUnchanged: return "unchanged";
    case ViewOutcome::kKept: return "kept";
    case ViewOutcome::kEdited: return "edited by a user";
    case ViewOutcome::kFailed: return "failed";
  }
  return "?";
}

bool PublishReport::any(ViewOutcome outcome) const {
  return std::any_of(views.begin(), views.end(), [&](const ViewReport& view) { return view.outcome == outcome; });
}

std::string table_location(const std::string& lake_url, const std::string& folder) {
  if (lake_url.starts_with("file://")) return "local:///" + folder;
  return lake_url + "/" + folder;
}

bool is_ours(std::string_view stored_query, std::string_view comment) {
  const auto mark = mark_of(comment);
  return mark && mark->stored == digest_of_stored(stored_query);
}

Publisher::Publisher(Client& client, const Clock& clock, PublisherOptions options)
    : client_(client), clock_(clock), options_(std::move(options)) {}

// Once Trino is away, the rest of a round does not wait for it again. A statement may also fail for want of what is
// behind a catalog, which is nothing to the other tables: so Trino itself is asked.
Result<StatementResult> Publisher::ask(const std::string& sql, const std::stop_token& stop) {
  WEIR_RETURN_IF_ERROR(away_);
  auto answer = client_.execute(sql, stop);
  const StatusCode code = answer.status().code();
  if (code == StatusCode::kShuttingDown) away_ = answer.status();
  if (code == StatusCode::kUnavailable && !client_.info(stop).ok()) away_ = answer.status();
  return answer;
}

Status Publisher::run(const std::string& sql, const std::stop_token& stop) { return ask(sql, stop).status(); }

Result<Publisher::ServerState> Publisher::read_state(const std::stop_token& stop) {
  WEIR_ASSIGN_OR_RETURN(const ServerInfo info, client_.info(stop));
  if (info.starting) return unavailable("Trino is starting");
  auto answer = ask(state_query(options_.names.admin_catalog), stop);
  if (!answer.ok()) return answer.status().with_context("catalog " + options_.names.admin_catalog);
  ServerState state{.version = info.version, .schemas = {}, .lake_tables = {}, .views = {}};
  for (const nlohmann::json& row : answer->rows) {
    const std::string kind = text_at(row, 0);
    const std::string name = text_at(row, 1);
    if (kind == "schema") state.schemas.insert(name);
    if (kind == "table") state.lake_tables.insert(name);
    if (kind == "view") state.views[name].query = text_at(row, 2);
    if (kind == "comment") state.views[name].comment = text_at(row, 2);
  }
  return state;
}

Status Publisher::ensure_schemas(const ServerState& state, const std::stop_token& stop) {
  for (const std::string_view schema : {kViewSchema, kLakeSchema}) {
    if (state.schemas.contains(std::string(schema))) continue;
    WEIR_RETURN_IF_ERROR(run("CREATE SCHEMA IF NOT EXISTS " + quote_identifier(options_.names.admin_catalog) + "." +
                                 quote_identifier(schema),
                             stop));
  }
  return ok_status();
}

// A table that was registered for another lake would show other rows under this name.
Status Publisher::check_location(const std::string& name, const std::string& location, const std::stop_token& stop) {
  if (checked_locations_.contains(name)) return ok_status();
  const std::string table = qualified(options_.names.admin_catalog, kLakeSchema, name);
  WEIR_ASSIGN_OR_RETURN(const auto answer, ask("SHOW CREATE TABLE " + table, stop));
  const std::string text = answer.rows.empty() ? "" : text_at(answer.rows[0], 0);
  if (text.find("location = " + quote_string(location)) == std::string::npos) {
    return invalid_argument(table + " is registered, but not at " + location + "; if nothing else needs it, run CALL " +
                            quote_identifier(options_.names.admin_catalog) + ".system.unregister_table(" +
                            quote_string(kLakeSchema) + ", " + quote_string(name) + ")");
  }
  checked_locations_.insert(name);
  return ok_status();
}

Status Publisher::ensure_registered(const ServerState& state, const std::string& name, const std::string& folder,
                                    PublishReport* report, const std::stop_token& stop) {
  const std::string location = table_location(options_.lake_url, folder);
  if (state.lake_tables.contains(name)) return check_location(name, location, stop);
  const Status called =
      run("CALL " + quote_identifier(options_.names.admin_catalog) + ".system.register_table(" +
              quote_string(kLakeSchema) + ", " + quote_string(name) + ", " + quote_string(location) + ")",
          stop);
  if (called.code() == StatusCode::kAlreadyExists) return ok_status();  // Another process was faster.
  WEIR_RETURN_IF_ERROR(called.with_context("registering " + location));
  ++report->registered;
  return ok_status();
}

// The digest that Trino's spelling of the query will have. Asked of a view that nobody looks at, once per shape:
// written into the real one's comment afterwards, it would be lost if we died in between, and the view would look
// edited.
Result<ViewMark> Publisher::mark_for(const ServerState& state, const WantedView& wanted, const std::stop_token& stop) {
  ViewMark mark{.stored = "", .sent = digest_of_sent(wanted.query, state.version)};
  if (const auto known = stored_digests_.find(mark.sent); known != stored_digests_.end()) {
    mark.stored = known->second;
    return mark;
  }
  const std::string name = std::string(kShapePrefix) + mark.sent;
  const std::string view = qualified(options_.names.admin_catalog, kLakeSchema, name);
  WEIR_RETURN_IF_ERROR(run(create_view_sql(view, "made by weir for a moment", wanted.query), stop));
  const auto answer = ask("SELECT view_definition FROM " + quote_identifier(options_.names.admin_catalog) +
                              ".information_schema.views WHERE table_schema = " + quote_string(kLakeSchema) +
                              " AND table_name = " + quote_string(name),
                          stop);
  const Status dropped = run("DROP VIEW IF EXISTS " + view, stop);
  if (!answer.ok()) return answer.status();
  if (answer->rows.empty()) return unavailable("another process removed " + view + " too early");
  WEIR_RETURN_IF_ERROR(dropped);
  mark.stored = digest_of_stored(text_at(answer->rows[0], 0));
  stored_digests_[mark.sent] = mark.stored;
  return mark;
}

ViewReport Publisher::ensure_view(const ServerState& state, const WantedView& wanted, const std::stop_token& stop) {
  ViewReport report{.view = wanted.name, .outcome = ViewOutcome::kUnchanged, .content = {}, .detail = wanted.text};
  const auto found = state.views.find(wanted.name);
  if (found != state.views.end()) {
    const StoredView& stored = found->second;
    if (!is_ours(stored.query, stored.comment)) {
      report.outcome = ViewOutcome::kEdited;
      report.detail = "a user made or changed this view, so it is left as it is; drop it to get weir's again";
      return report;
    }
    const ViewMark mark = *mark_of(stored.comment);
    stored_digests_.emplace(mark.sent, mark.stored);
    if (mark.sent == digest_of_sent(wanted.query, state.version) &&
        numbers_of(stored.query) == numbers_of(wanted.query) && stored.comment == with_mark(wanted.text, mark)) {
      return report;
    }
  }
  const auto mark = mark_for(state, wanted, stop);
  if (!mark.ok()) return failed(wanted.name, mark.status());
  const Status created = run(create_view_sql(qualified(options_.names.admin_catalog, kViewSchema, wanted.name),
                                             with_mark(wanted.text, *mark), wanted.query),
                             stop);
  if (!created.ok()) return failed(wanted.name, created);
  report.outcome = ViewOutcome::kPublished;
  return report;
}

// Another process may have published what came after our snapshot was taken. A table that was made anew has lower
// versions for good: they are believed when nobody has published another one by the next round.
bool Publisher::is_older(const std::string& table, const std::optional<ViewContent>& published,
                         const Decision& decision) {
  const bool older = decision.publish && published && decision.content.kind == ViewKind::kHotCold &&
                     published->kind == ViewKind::kHotCold && published->lake_version > decision.content.lake_version;
  if (!older) {
    older_.erase(table);
    return false;
  }
  const auto [seen, first_time] = older_.try_emplace(table, published->lake_version);
  return first_time || std::exchange(seen->second, published->lake_version) != published->lake_version;
}

ViewReport Publisher::publish_table(const ServerState& state, const TableInput& table, const std::stop_token& stop) {
  const std::string& name = table.plan->table;
  std::optional<ViewContent> published;
  const auto stored = state.views.find(name);
  if (stored != state.views.end() && is_ours(stored->second.query, stored->second.comment)) {
    published = content_of(stored->second.query);
  }
  const Decision decision = decide(table.positions, published, clock_.unix_us());
  if (is_older(name, published, decision)) {
    return {.view = name,
            .outcome = ViewOutcome::kKept,
            .content = published,
            .detail = "a newer version of the lake is published already",
            .status = {}};
  }
  if (!decision.publish) {
    return {.view = name, .outcome = ViewOutcome::kKept, .content = published, .detail = decision.reason, .status = {}};
  }
  ViewReport report = ensure_view(state,
                                  {.name = name,
                                   .text = comment_text(decision.content, decision.reason),
                                   .query = table_view_query(options_.names, *table.plan, decision.content)},
                                  stop);
  const bool written = report.outcome == ViewOutcome::kPublished || report.outcome == ViewOutcome::kUnchanged;
  report.content = written ? std::optional(decision.content) : published;
  return report;
}

ViewReport Publisher::publish_letters(const ServerState& state, const std::vector<TableInput>& tables,
                                      const std::stop_token& stop) {
  // A table that is being opened again is left out of a round; its dead letters stay.
  for (const TableInput& table : tables) {
    letters_[table.plan->table] = {
        {table.plan->table, table.positions.lake_position, table.unfinished_files, table.replayed_letters},
        table.dead_letters};
  }
  std::vector<CountedLetters> counted;
  int64_t letters = 0;
  for (const auto& [table, known] : letters_) {
    counted.push_back(known.counted);
    letters += known.letters;
  }
  const std::string name(kDeadLetterView);
  const WantedView wanted{.name = name,
                          .text = "events that became no row, and why; kept by weir",
                          .query = dead_letter_view_query(options_.names, counted)};
  // Positions move all the time; without a new dead letter that changes nothing here.
  if (const auto stored = state.views.find(name);
      letters_published_ == letters && stored != state.views.end() &&
      is_ours(stored->second.query, stored->second.comment) &&
      mark_of(stored->second.comment)->sent == digest_of_sent(wanted.query, state.version)) {
    return {.view = name, .outcome = ViewOutcome::kUnchanged, .content = {}, .detail = wanted.text, .status = {}};
  }
  ViewReport report = ensure_view(state, wanted, stop);
  if (report.status.ok()) letters_published_ = letters;
  return report;
}

ViewReport Publisher::publish_status(const ServerState& state, const std::vector<TableInput>& tables,
                                     const PublishReport& report, const std::stop_token& stop) {
  std::vector<StatusRow> rows;
  for (size_t i = 0; i < tables.size(); ++i) {
    const TableInput& table = tables[i];
    const std::optional<ViewContent>& content = report.views[i].content;
    rows.push_back({.table = table.plan->table,
                    .published = content.has_value(),
                    .content = content.value_or(ViewContent{}),
                    .lake_position = table.positions.lake_position,
                    .lake_time_us = table.positions.lake_time_us,
                    .hot_position = table.positions.hot == HotState::kNone
                                        ? std::nullopt
                                        : std::optional(table.positions.hot_position),
                    .hot_mode = table.hot_mode,
                    .stream_last_seq = table.stream_last_seq});
  }
  const std::string name(kStatusView);
  constexpr std::string_view kText = "where the rows of each table come from, and how new they are; kept by weir";
  // Its time of publishing alone is no change.
  const std::string timeless = status_view_query(rows, 0);
  if (const auto stored = state.views.find(name); timeless == status_published_ && stored != state.views.end() &&
                                                  is_ours(stored->second.query, stored->second.comment)) {
    return {
        .view = name, .outcome = ViewOutcome::kUnchanged, .content = {}, .detail = std::string(kText), .status = {}};
  }
  ViewReport written = ensure_view(state, {name, std::string(kText), status_view_query(rows, clock_.unix_us())}, stop);
  if (written.status.ok()) status_published_ = timeless;
  return written;
}

// Shapes that a killed process asked about. One that another process asks about right now is asked about again later.
void Publisher::sweep_shapes(const ServerState& state, const std::stop_token& stop) {
  if (std::exchange(swept_, true)) return;
  for (const std::string& name : state.lake_tables) {
    if (!name.starts_with(kShapePrefix)) continue;
    static_cast<void>(run("DROP VIEW IF EXISTS " + qualified(options_.names.admin_catalog, kLakeSchema, name), stop));
  }
}

Result<PublishReport> Publisher::publish(const std::vector<TableInput>& tables, const std::stop_token& stop) {
  away_ = ok_status();
  WEIR_ASSIGN_OR_RETURN(const ServerState state, read_state(stop));
  WEIR_RETURN_IF_ERROR(ensure_schemas(state, stop));
  sweep_shapes(state, stop);
  PublishReport report;
  std::set<std::string> names;
  for (const TableInput& table : tables) {
    const std::string& name = table.plan->table;
    names.insert(name);
    const Status registered = ensure_registered(state, name, name, &report, stop);
    report.views.push_back(registered.ok() ? publish_table(state, table, stop) : failed(name, registered));
  }
  // A pipeline may have a table of that name: it comes first.
  if (options_.with_dead_letters && !names.contains(std::string(kDeadLetterView))) {
    const std::string name(kDeadLetterView);
    const Status registered = ensure_registered(state, name, std::string(kDeadLetterFolder), &report, stop);
    report.views.push_back(registered.ok() ? publish_letters(state, tables, stop) : failed(name, registered));
  }
  if (!names.contains(std::string(kStatusView))) report.views.push_back(publish_status(state, tables, report, stop));
  return report;
}

}  // namespace weir::trino
