#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weir {

/// Why an event can never become a row. Spelled in dead letters as to_string says; docs/formats/dead-letters.md lists
/// them with their meaning, and a test compares the two. A spelling is never changed or reused: dead letters are kept.
enum class RejectCode : uint8_t {
  kNone,  ///< No fault.
  kEmpty,
  kTooLarge,
  kInvalidUtf8,
  kInvalidJson,
  kTooDeep,
  kDuplicateKey,
  kNotAnObject,
  kWrongType,
  kOutOfRange,
  kBadDecimal,
  kBadDate,
  kBadTimestamp,
  kBadUuid,
  kBadBase64,
  kMissingField,
  kUnknownField,
  kBadHeader,
  kBadSubject,
  kSqlError,      ///< Given by transform: decoded, but the plan's SQL failed on the row.
  kInvalidCsv,    ///< Given by backfill: a line of a CSV file is no record.
  kBadPartition,  ///< Given by transform: no partition of a Delta table can hold the row.
};

/// Every code with its spelling; kNone is not one of them.
struct RejectCodeName {
  RejectCode code;
  std::string_view name;
};
inline constexpr std::array<RejectCodeName, 21> kRejectCodes{{
    {RejectCode::kEmpty, "empty"},
    {RejectCode::kTooLarge, "too_large"},
    {RejectCode::kInvalidUtf8, "invalid_utf8"},
    {RejectCode::kInvalidJson, "invalid_json"},
    {RejectCode::kTooDeep, "too_deep"},
    {RejectCode::kDuplicateKey, "duplicate_key"},
    {RejectCode::kNotAnObject, "not_an_object"},
    {RejectCode::kWrongType, "wrong_type"},
    {RejectCode::kOutOfRange, "out_of_range"},
    {RejectCode::kBadDecimal, "bad_decimal"},
    {RejectCode::kBadDate, "bad_date"},
    {RejectCode::kBadTimestamp, "bad_timestamp"},
    {RejectCode::kBadUuid, "bad_uuid"},
    {RejectCode::kBadBase64, "bad_base64"},
    {RejectCode::kMissingField, "missing_field"},
    {RejectCode::kUnknownField, "unknown_field"},
    {RejectCode::kBadHeader, "bad_header"},
    {RejectCode::kBadSubject, "bad_subject"},
    {RejectCode::kSqlError, "sql_error"},
    {RejectCode::kInvalidCsv, "invalid_csv"},
    {RejectCode::kBadPartition, "bad_partition"},
}};

[[nodiscard]] constexpr std::string_view to_string(RejectCode code) {
  for (const RejectCodeName& entry : kRejectCodes) {
    if (entry.code == code) return entry.name;
  }
  return "none";
}

}  // namespace weir
