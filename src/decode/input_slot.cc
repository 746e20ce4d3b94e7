#include "decode/input_slot.h"

#include "decode/json_string.h"

namespace weir {
namespace {

constexpr size_t kExcerptBytesMax = 80;

std::string_view expectation(RejectCode code, TypeKind kind) {
  switch (code) {
    case RejectCode::kOutOfRange:
      if (kind == TypeKind::kDate || kind == TypeKind::kTimestamp) return "the years 1900 to 2299 (UTC) are possible";
      return "the value does not fit";
    case RejectCode::kBadDecimal: return "a number without digits behind the scale is expected";
    case RejectCode::kBadDate: return "YYYY-MM-DD is expected";
    case RejectCode::kBadTimestamp: return "RFC 3339 with a zone and at most microseconds is expected";
    case RejectCode::kBadUuid: return "8-4-4-4-12 hexadecimal digits are expected";
    case RejectCode::kBadBase64: return "padded standard base64 is expected";
    default: break;
  }
  switch (kind) {
    case TypeKind::kBool: return "true or false is expected";
    case TypeKind::kString: return "a string is expected";
    case TypeKind::kList: return "a list is expected";
    case TypeKind::kStruct: return "an object is expected";
    case TypeKind::kFloat32:
    case TypeKind::kFloat64: return "a number is expected";
    case TypeKind::kDecimal: return "a number, or a string with one, is expected";
    case TypeKind::kDate:
    case TypeKind::kTimestamp:
    case TypeKind::kUuid:
    case TypeKind::kBinary: return "a string is expected";
    default: return "an integer, written without point and exponent, is expected";
  }
}

}  // namespace

std::string misfit_reason(RejectCode code, const ColumnType& type, std::string_view value) {
  return to_string(type) + ": " + std::string(expectation(code, type.kind)) + ", not " +
         excerpt(value, kExcerptBytesMax);
}

}  // namespace weir
