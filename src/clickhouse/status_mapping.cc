#include "clickhouse/status_mapping.h"

#include <charconv>
#include <string>

namespace weir::clickhouse {
namespace {

constexpr size_t kMessageBytesMax = 1'000;
constexpr int kThrowIf = 395;

// The server's message without its trailing version and newline; bounded, because it may quote data.
std::string shortened(std::string_view message) {
  while (!message.empty() && (message.back() == '\n' || message.back() == ' ')) message.remove_suffix(1);
  if (message.size() <= kMessageBytesMax) return std::string(message);
  return std::string(message.substr(0, kMessageBytesMax)) + "...";
}

// The statement does not fit the table or the server: analysis fails, for every row alike. Not kRejected: that would
// put aside every single row because somebody altered a column.
bool is_fault_of_statement(int code) {
  switch (code) {
    case 10:   // NOT_FOUND_COLUMN_IN_BLOCK
    case 16:   // NO_SUCH_COLUMN_IN_TABLE
    case 20:   // NUMBER_OF_COLUMNS_DOESNT_MATCH
    case 42:   // NUMBER_OF_ARGUMENTS_DOESNT_MATCH
    case 43:   // ILLEGAL_TYPE_OF_ARGUMENT
    case 44:   // ILLEGAL_COLUMN
    case 46:   // UNKNOWN_FUNCTION
    case 47:   // UNKNOWN_IDENTIFIER
    case 48:   // NOT_IMPLEMENTED
    case 50:   // UNKNOWN_TYPE
    case 53:   // TYPE_MISMATCH
    case 62:   // SYNTAX_ERROR
    case 73:   // UNKNOWN_FORMAT
    case 115:  // UNKNOWN_SETTING
    case 452:  // SETTING_CONSTRAINT_VIOLATION
    case 456:  // UNKNOWN_QUERY_PARAMETER
      return true;
    default: return false;
  }
}

// A value that cannot be read or converted: found in the block, before the table sees it.
bool is_fault_of_value(int code) {
  switch (code) {
    case 6:    // CANNOT_PARSE_TEXT
    case 26:   // CANNOT_PARSE_QUOTED_STRING
    case 27:   // CANNOT_PARSE_INPUT_ASSERTION_FAILED
    case 33:   // CANNOT_READ_ALL_DATA: the block ends early; a body cut on its way gets no answer, see from_transport
    case 36:   // BAD_ARGUMENTS: a conversion refused a value
    case 38:   // CANNOT_PARSE_DATE
    case 41:   // CANNOT_PARSE_DATETIME
    case 69:   // ARGUMENT_OUT_OF_BOUND
    case 70:   // CANNOT_CONVERT_TYPE
    case 72:   // CANNOT_PARSE_NUMBER
    case 117:  // INCORRECT_DATA
    case 128:  // TOO_LARGE_ARRAY_SIZE
    case 131:  // TOO_LARGE_STRING_SIZE
    case 190:  // SIZES_OF_ARRAYS_DONT_MATCH
    case 321:  // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
    case 349:  // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
    case 376:  // CANNOT_PARSE_UUID
    case 407:  // DECIMAL_OVERFLOW
    case 467:  // CANNOT_PARSE_BOOL
    case 469:  // VIOLATED_CONSTRAINT: the user's CHECK, evaluated in front of the table
    case 691:  // UNKNOWN_ELEMENT_OF_ENUM
      return true;
    default: return false;
  }
}

// What a code says, whatever the statement was. kOk: nothing that is certain.
StatusCode certain_meaning(int code) {
  switch (code) {
    // Who we are, and what we may: checked before anything is executed.
    case 164:  // READONLY: the user's profile forbids writing or changing settings
    case 192:  // UNKNOWN_USER
    case 193:  // WRONG_PASSWORD
    case 194:  // REQUIRED_PASSWORD
    case 195:  // IP_ADDRESS_NOT_ALLOWED
    case 291:  // DATABASE_ACCESS_DENIED
    case 497:  // ACCESS_DENIED
    case 516:  // AUTHENTICATION_FAILED
      return StatusCode::kPermissionDenied;

    case 60:   // UNKNOWN_TABLE
    case 81:   // UNKNOWN_DATABASE
    case 218:  // TABLE_IS_DROPPED
      return StatusCode::kNotFound;

    // Refused at the door: the process list, or the check of the table before its first block is taken.
    case 202:  // TOO_MANY_SIMULTANEOUS_QUERIES
    case 216:  // QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING: our earlier try has not ended; the same may be asked again
    case 242:  // TABLE_IS_READ_ONLY
    case 252:  // TOO_MANY_PARTS
    case 745:  // SERVER_OVERLOADED
      return StatusCode::kUnavailable;
    case 243:  // NOT_ENOUGH_SPACE: thrown when space for the part is reserved, before it is written
      return StatusCode::kResourceExhausted;
    default: break;
  }
  if (is_fault_of_statement(code)) return StatusCode::kInvalidArgument;
  return is_fault_of_value(code) ? StatusCode::kRejected : StatusCode::kOk;
}

Status without_exception(int http_status, std::string text, Effect effect) {
  if (http_status == 401 || http_status == 403) return permission_denied(std::move(text));
  if (http_status == 301 || http_status == 302 || http_status == 307 || http_status == 308) {
    return invalid_argument("the URL redirects; give the server's own: " + text);
  }
  if (effect == Effect::kInsert) return outcome_unknown(std::move(text));
  return unavailable(std::move(text));
}

}  // namespace

// Headers alone never put a row in: the server waits for the announced body and fails without it. So everything that goes
// wrong before the first byte of the body (name, connection, TLS, stale connection) happened in front of it.
Status from_transport(const Status& transport, Effect effect) {
  if (transport.code() != StatusCode::kOutcomeUnknown || effect != Effect::kIdempotent) return transport;
  return unavailable(transport.message());
}

Status from_exception(int http_status, int exception_code, std::string_view message, Effect effect) {
  const std::string text = shortened(message);
  if (exception_code == 0) {
    return without_exception(http_status, "HTTP " + std::to_string(http_status) + " " + text, effect);
  }
  const StatusCode meaning = certain_meaning(exception_code);
  if (effect == Effect::kIdempotent) {
    if (exception_code == 241) return resource_exhausted(text);  // MEMORY_LIMIT_EXCEEDED
    return {meaning == StatusCode::kOk ? StatusCode::kUnavailable : meaning, text};
  }
  // A materialized view of the user's failed, maybe after the table itself took the rows: any code may come from there.
  if (message.find("pushing to view") != std::string_view::npos) return outcome_unknown(text);
  if (exception_code == kThrowIf && message.find(kFencedMessage) != std::string_view::npos) return fenced(text);
  // Whatever is not listed may come from between the moment where the server logs the deduplication token and the one
  // where it publishes the part (memory limit, failing disk, cancellation, time-out), or from after it. Repeating the
  // token could then lose the rows, so these are looked up instead of repeated.
  if (meaning == StatusCode::kOk) return outcome_unknown(text);
  return {meaning, text};
}

int exception_code_in(std::string_view body) {
  constexpr std::string_view kCode = "Code: ";
  constexpr std::string_view kException = "DB::Exception";
  const size_t at = body.find(kCode);
  if (at == std::string_view::npos || body.find(kException, at) == std::string_view::npos) return 0;
  const std::string_view digits = body.substr(at + kCode.size());
  int code = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), code);
  return code;
}

}  // namespace weir::clickhouse
