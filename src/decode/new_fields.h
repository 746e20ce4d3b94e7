#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/ids.h"
#include "schema/table_schema.h"

namespace weir {

/// A top-level field without a column and the column it asks for; `seq` is the first message that has it.
struct NewField {
  Seq seq;
  InputColumn column;
};

/// A field without a column that cannot get one, told once by each decoder.
struct IgnoredField {
  std::string name;
  std::string reason;
};

/// Collects the fields of a batch that ask for a column (on_unknown_field = "add_column"). A field counts once an event
/// with it has become a row: a bad event brings no column. The first value decides the type: true and false bool, an
/// integer that fits int64, other numbers float64, text string, anything else json; null says nothing.
/// Thread-compatible. Costs nothing where every field has a column.
class NewFields {
 public:
  /// `plan` must outlive it. At most `columns_max` columns are asked for; what comes after is ignored.
  NewFields(const Plan& plan, int columns_max) : plan_(plan), columns_max_(columns_max) {}

  /// A field of the event being read. `value` is the JSON text of a scalar, or at least the first byte of a list or object.
  void note(std::string_view name, std::string_view value);

  /// The event became a row, or did not.
  void keep(Seq seq);
  void drop() { of_event_.clear(); }

  /// What was kept since the last call, in the order of the messages. Forgets the asked-for columns: the next batch asks again.
  [[nodiscard]] std::vector<NewField> take_new();

  /// What was ignored for the first time since the last call.
  [[nodiscard]] std::vector<IgnoredField> take_ignored();

 private:
  struct Noted {
    std::string name;
    TypeKind kind;
  };

  struct NameHash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };

  void ignore(const std::string& name, std::string reason);

  const Plan& plan_;
  const int columns_max_;
  std::vector<Noted> of_event_;
  std::vector<NewField> kept_;
  std::vector<IgnoredField> ignored_;
  std::unordered_set<std::string, NameHash, std::equal_to<>> ignored_names_;  // Ever, up to a limit.
};

}  // namespace weir
