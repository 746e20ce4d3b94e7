#include "config/table_section.h"

#include <algorithm>
#include <map>
#include <set>

#include "config/default_value.h"
#include "config/endpoint.h"
#include "config/nearest_name.h"
#include "config/quantity.h"
#include "config/section_reader.h"

namespace weir {
namespace {

// "table[flights]", or "table[#2]" for one that has no usable name.
std::string label_of(std::string_view section, const TomlValue::Table& table, size_t index) {
  const TomlEntry* name = find(table, "name");
  const std::string* text = name == nullptr ? nullptr : name->value.get_if<std::string>();
  const bool usable = text != nullptr && !text->empty() && text->size() <= 64 && text->find('\n') == std::string::npos;
  return std::string(section) + "[" + (usable ? *text : "#" + std::to_string(index + 1)) + "]";
}

// The elements of [[heading]]; reports a value that is no list of tables.
std::vector<const TomlValue*> elements_of(const TomlValue* list, const std::string& key, std::string_view heading,
                                          ProblemList* errors) {
  std::vector<const TomlValue*> elements;
  if (list == nullptr) return elements;
  const auto* array = list->get_if<TomlValue::Array>();
  const std::string advice = "must be written as " + std::string(heading) + ", one heading for each";
  if (array == nullptr) {
    errors->add(list->line, key, advice);
    return elements;
  }
  for (const TomlValue& element : *array) {
    if (element.get_if<TomlValue::Table>() != nullptr) {
      elements.push_back(&element);
    } else {
      errors->add(element.line, key, advice);
    }
  }
  return elements;
}

void check_given_name(const SectionReader& section, std::string_view what) {
  if (section.given("name") == nullptr) return;
  const std::string name = section.text("name");
  if (name.empty()) return;  // Reported by text().
  if (const Status status = check_name(what, name); !status.ok()) section.reject("name", status.message());
}

std::optional<ValueSource> read_source(const SectionReader& section, const std::string& name) {
  const std::string text = section.given("from") == nullptr ? "/" + name : section.text("from");
  if (text.empty()) return std::nullopt;
  Result<ValueSource> source = parse_value_source(text);
  if (source.ok()) return std::move(source).value();
  // A default pointer is wrong only when the name is, and that is reported already.
  if (section.given("from") != nullptr) section.reject("from", source.status().message());
  return std::nullopt;
}

/// An input column and whether its type could be read: without it nothing that depends on the type can be said.
struct ReadColumn {
  InputColumn column;
  bool type_known = false;
  int line = 0;
};

void read_default(const SectionReader& section, const TomlValue& value, ReadColumn* read) {
  if (read->column.required) {
    section.reject("default",
                   "cannot stand beside required = true; an event without the value is either rejected or given the "
                   "default: drop one of the two");
  }
  if (!read->type_known) return;
  Result<std::string> json = default_json(value, read->column.type);
  if (json.ok()) {
    read->column.default_json = std::move(json).value();
  } else {
    section.reject("default", json.status().message());
  }
}

ReadColumn read_column(const TomlValue& element, const std::string& label, ProblemList* errors) {
  const SectionReader section(config_section("table.column"), element.get_if<TomlValue::Table>(), label, element.line,
                              errors);
  ReadColumn read;
  read.line = element.line;
  read.column.name = section.text("name");
  check_given_name(section, "column");
  if (const std::string text = section.text("type"); !text.empty()) {
    Result<ColumnType> type = parse_column_type(text);
    read.type_known = type.ok();
    if (type.ok()) {
      read.column.type = std::move(type).value();
    } else {
      section.reject("type", type.status().message());
    }
  }
  if (const auto source = read_source(section, read.column.name)) read.column.from = *source;
  read.column.required = section.flag("required");
  const TomlValue* fallback = section.given("default");
  if (fallback != nullptr) read_default(section, *fallback, &read);
  const bool nested =
      read.type_known && (read.column.type.kind == TypeKind::kList || read.column.type.kind == TypeKind::kStruct);
  if (nested && read.column.from.kind != ValueSource::Kind::kPointer) {
    section.reject("from", "cannot feed a list or struct; these come from a JSON Pointer like \"/a/b\"");
  }
  if (nested && !read.column.required && fallback == nullptr) {
    section.reject("type",
                   "lists and structs cannot be NULL in ClickHouse; add required = true or a default, like default = " +
                       std::string(read.column.type.kind == TypeKind::kList ? "[]" : "{...}"));
  }
  return read;
}

std::vector<ReadColumn> read_columns(const SectionReader& table, const std::string& table_label) {
  const TomlValue* list = table.given("column");
  if (list == nullptr) {
    table.problems().add(table.line("name"), table_label, "has no column; add at least one [[table.column]] under it");
    return {};
  }
  std::vector<ReadColumn> columns;
  std::map<std::string, int> first_line;
  const auto elements = elements_of(list, table_label + ".column", "[[table.column]]", &table.problems());
  for (size_t i = 0; i < elements.size(); ++i) {
    const std::string label = label_of(table_label + ".column", *elements[i]->get_if<TomlValue::Table>(), i);
    columns.push_back(read_column(*elements[i], label, &table.problems()));
    const std::string& name = columns.back().column.name;
    if (name.empty()) continue;
    const auto [earlier, added] = first_line.emplace(name, elements[i]->line);
    if (!added) {
      table.problems().add(elements[i]->line, label,
                           "is there twice; its first definition is in line " + std::to_string(earlier->second) +
                               ": rename or remove one");
    }
  }
  return columns;
}

bool may_partition(const ColumnType& type) {
  switch (type.kind) {
    case TypeKind::kDate:
    case TypeKind::kString:
    case TypeKind::kInt8:
    case TypeKind::kInt16:
    case TypeKind::kInt32:
    case TypeKind::kInt64:
    case TypeKind::kUInt8:
    case TypeKind::kUInt16:
    case TypeKind::kUInt32: return true;
    default: return false;
  }
}

// One name of partition_by or order_by, as far as it can be judged without SQL.
void check_key_column(const SectionReader& table, std::string_view key, const std::string& name,
                      const std::vector<ReadColumn>& columns) {
  const auto it =
      std::find_if(columns.begin(), columns.end(), [&](const ReadColumn& read) { return read.column.name == name; });
  if (it == columns.end()) {
    table.reject(key,
                 "names \"" + name + "\", which is no column of the table; add a [[table.column]] or correct the name");
    return;
  }
  if (!it->type_known) return;
  const ColumnType& type = it->column.type;
  if (!it->column.required && !it->column.default_json) {
    table.reject(key, "names \"" + name + "\", which may be NULL; give that column required = true or a default");
  }
  if (key == "partition_by" && !may_partition(type)) {
    table.reject(key, "names \"" + name + "\" of type " + to_string(type) +
                          "; partition by dates, integers (not uint64) or strings");
  }
  if (key == "order_by" && (type.kind == TypeKind::kList || type.kind == TypeKind::kStruct)) {
    table.reject(key, "names \"" + name + "\" of type " + to_string(type) + ", which cannot be sorted by");
  }
}

void check_keys(const SectionReader& table, std::string_view key, const std::vector<std::string>& names, bool has_sql,
                const std::vector<ReadColumn>& columns) {
  std::set<std::string_view> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) table.reject(key, "names \"" + name + "\" twice; remove one");
    // With SQL the columns are those of its result; resolve_rows() checks them.
    if (!has_sql) check_key_column(table, key, name, columns);
  }
}

StartPosition read_start(const SectionReader& table) {
  const TomlValue* value = table.given("start");
  if (value == nullptr) return {};
  if (const auto* sequence = value->get_if<int64_t>(); sequence != nullptr && *sequence >= 1) {
    return {.kind = StartPosition::Kind::kSequence, .sequence = *sequence};
  }
  std::string text;
  if (const auto* given = value->get_if<std::string>()) text = *given;
  if (const auto* time = value->get_if<TomlValue::DateTime>()) text = time->text;
  if (text == "first") return {};
  if (text == "new") return {.kind = StartPosition::Kind::kNew};
  if (const auto time_us = parse_rfc3339_us(text); time_us.ok()) {
    return {.kind = StartPosition::Kind::kTime, .time_us = *time_us};
  }
  table.reject("start",
               "must be \"first\", \"new\", a stream sequence from 1 without quotes, or an RFC 3339 time like "
               "\"2026-01-31T06:00:00Z\"");
  return {};
}

PayloadFormat read_format(const SectionReader& table) {
  const std::string text = table.text("format");
  if (text == "arrow") table.reject("format", "arrow is not supported yet; use json or ndjson");
  return text == "ndjson" ? PayloadFormat::kNdjson : PayloadFormat::kJson;
}

UnknownFields read_unknown_fields(const SectionReader& table) {
  const std::string text = table.text("on_unknown_field");
  if (text == "add_column") return UnknownFields::kAddColumn;
  return text == "reject" ? UnknownFields::kReject : UnknownFields::kIgnore;
}

void check_stream(const SectionReader& table, const TableSection& read) {
  for (const std::string_view key : {"stream", "subjects"}) {
    if (table.given(key) == nullptr) table.reject(key, "is missing; add it under [[table]]");
  }
  if (!read.stream.empty()) {
    if (const Status status = check_stream_name(read.stream); !status.ok()) table.reject("stream", status.message());
  }
  const TomlValue* subjects = table.given("subjects");
  const auto* list = subjects == nullptr ? nullptr : subjects->get_if<TomlValue::Array>();
  if (list != nullptr && list->empty()) table.reject("subjects", "is empty; name at least one subject of the stream");
  for (const std::string& subject : read.subjects) {
    if (const Status status = check_subject_filter(subject); !status.ok()) {
      table.reject("subjects", "\"" + subject + "\" " + status.message());
    }
  }
}

// A table that follows another one has rows for its input, so nothing that says how to read messages has a meaning.
void check_followed(const SectionReader& table, const TableSection& read) {
  for (const std::string_view key :
       {"stream", "subjects", "shards", "start", "format", "on_unknown_field", "column"}) {
    if (table.given(key) == nullptr) continue;
    table.problems().add(table.line(key), table.name_of(key),
                         key == "column" ? "cannot stand beside from_table: the columns are those that sql selects; remove it"
                                         : "cannot stand beside from_table: the rows come from that table; remove it");
  }
  if (table.given("sql") == nullptr) {
    table.reject("sql", "is missing; with from_table it says what to take of `input`, for example \"SELECT * FROM input\"");
  }
  if (read.from_table == read.plan.table) table.reject("from_table", "is the table itself; name the one it follows");
}

TableSection read_table(const TomlValue& element, const std::string& label, bool has_clickhouse,
                        const TableProblems& problems) {
  const SectionReader table(config_section("table"), element.get_if<TomlValue::Table>(), label, element.line,
                            problems.errors, {"column"});
  TableSection read;
  read.line = element.line;
  read.plan.table = table.text("name");
  check_given_name(table, "table");
  read.stream = table.text("stream");
  read.subjects = table.text_list("subjects");
  read.from_table = table.text("from_table");
  read.from_table_line = table.line("from_table");
  const bool follows = table.given("from_table") != nullptr;
  if (follows) {
    check_followed(table, read);
  } else {
    check_stream(table, read);
  }
  read.shards = static_cast<int32_t>(table.integer("shards"));
  if (read.shards != 1) table.reject("shards", "more than one shard is not supported yet; use shards = 1");
  read.start = read_start(table);
  read.plan.format = read_format(table);
  read.plan.on_unknown_field = read_unknown_fields(table);
  read.plan.sql = table.text("sql");
  read.sql_line = table.line("sql");
  const std::vector<ReadColumn> columns = follows ? std::vector<ReadColumn>() : read_columns(table, label);
  for (const ReadColumn& column : columns) read.plan.input.push_back(column.column);
  read.plan.partition_by = table.text_list("partition_by");
  read.plan.order_by = table.text_list("order_by");
  check_keys(table, "partition_by", read.plan.partition_by, follows || !read.plan.sql.empty(), columns);
  check_keys(table, "order_by", read.plan.order_by, follows || !read.plan.sql.empty(), columns);
  if (table.given("clickhouse_retention") != nullptr) {
    read.clickhouse_retention = table.duration("clickhouse_retention");
    if (!has_clickhouse) {
      problems.warnings->add(table.line("clickhouse_retention"), table.name_of("clickhouse_retention"),
                             "has no effect without a [clickhouse] section");
    }
  }
  return read;
}

const TableSection* find_table(const std::vector<TableSection>& tables, const std::string& name) {
  const auto found = std::ranges::find_if(tables, [&](const TableSection& table) { return table.plan.table == name; });
  return found == tables.end() ? nullptr : &*found;
}

// Whether following from_table from here leads back here.
bool follows_itself(const TableSection& table, const std::vector<TableSection>& tables) {
  const TableSection* at = &table;
  for (size_t steps = 0; steps < tables.size(); ++steps) {
    at = at->from_table.empty() ? nullptr : find_table(tables, at->from_table);
    if (at == nullptr) return false;
    if (at == &table) return true;
  }
  return false;  // A ring further on, which is reported at its members.
}

// Every from_table leads to a table of the file and, over any number of tables, to a stream.
void check_from_tables(const std::vector<TableSection>& tables, ProblemList* errors) {
  std::vector<std::string_view> names;
  for (const TableSection& table : tables) names.push_back(table.plan.table);
  for (const TableSection& table : tables) {
    if (table.from_table.empty() || table.from_table == table.plan.table) continue;
    const std::string key = "table[" + table.plan.table + "].from_table = \"" + table.from_table + "\"";
    if (find_table(tables, table.from_table) == nullptr) {
      const std::string_view nearest = nearest_name(table.from_table, names);
      errors->add(table.from_table_line, key,
                  "is no table of this file; " + (nearest.empty() || nearest == table.plan.table
                                                      ? "add its [[table]] or correct the name"
                                                      : "did you mean \"" + std::string(nearest) + "\"?"));
    } else if (follows_itself(table, tables)) {
      errors->add(table.from_table_line, key, "leads back to this table; one of the ring has to read from a stream");
    }
  }
}

}  // namespace

std::vector<TableSection> read_tables(const TomlValue* tables, const LimitsSection& limits, bool has_clickhouse,
                                      const TableProblems& problems) {
  std::vector<TableSection> read;
  std::map<std::string, int> first_line;
  const auto elements = elements_of(tables, "table", "[[table]]", problems.errors);
  if (tables == nullptr) problems.errors->add(0, "table", "the file has no table; add at least one [[table]]");
  for (size_t i = 0; i < elements.size(); ++i) {
    const std::string label = label_of("table", *elements[i]->get_if<TomlValue::Table>(), i);
    TableSection table = read_table(*elements[i], label, has_clickhouse, problems);
    table.plan.message_bytes_max = limits.message_bytes_max;
    table.plan.json_depth_max = limits.json_depth_max;
    if (!table.plan.table.empty()) {
      const auto [earlier, added] = first_line.emplace(table.plan.table, table.line);
      if (!added) {
        problems.errors->add(table.line, label,
                             "is there twice; its first definition is in line " + std::to_string(earlier->second) +
                                 ": rename or remove one");
      }
    }
    read.push_back(std::move(table));
  }
  check_from_tables(read, problems.errors);
  return read;
}

}  // namespace weir
