#include "tests/contract/hot_table_contract.h"
#include "tests/contract/key_value_contract.h"
#include "tests/contract/lake_table_contract.h"
#include "tests/contract/maintained_table_contract.h"
#include "tests/fakes/fake_hot_table.h"
#include "tests/fakes/fake_key_value.h"
#include "tests/fakes/fake_lake_table.h"
#include "tests/fakes/fake_maintained_table.h"
#include "tests/fakes/fake_stream.h"

namespace weir::contract {
namespace {

struct FakeBucket {
  static void start() {}
  static void stop() {}
  std::unique_ptr<KeyValue> open() { return std::make_unique<fakes::FakeKeyValue>(state, fakes::Faults{}); }

  fakes::KeyValueState state;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Fake, KeyValueContract, FakeBucket);

struct FakeHotStore {
  static void start() {}
  static void stop() {}
  std::unique_ptr<HotTable> open() { return std::make_unique<fakes::FakeHotTable>(state, fakes::Faults{}); }
  static std::shared_ptr<arrow::RecordBatch> rows(const std::vector<RowId>& ids) { return fakes::rows_of(ids); }
  static std::shared_ptr<arrow::RecordBatch> spread_rows(const std::vector<RowId>& ids) { return fakes::rows_of(ids); }
  void drop() { state.drop(); }
  [[nodiscard]] std::set<Seq> views() const { return state.views; }
  void refuse(Seq seq) { state.refused.insert({seq, 0}); }

  fakes::HotState state;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Fake, HotTableContract, FakeHotStore);

struct FakeLake {
  std::unique_ptr<LakeTable> open() { return std::make_unique<fakes::FakeLakeTable>(state, fakes::Faults{}); }
  static std::shared_ptr<arrow::RecordBatch> rows(const std::vector<RowId>& ids) { return fakes::rows_of(ids); }

  fakes::LakeState state;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Fake, LakeTableContract, FakeLake);

struct FakeLakeInUpkeep : FakeLake {
  FakeLakeInUpkeep() {
    state.now_ms = [this] { return now_ms; };
  }
  std::unique_ptr<maintain::MaintainedTable> maintained() {
    return std::make_unique<fakes::FakeMaintainedTable>(state, fakes::Faults{}, name(),
                                                        [] { return std::map<std::string, std::string>(); });
  }
  static std::string name() { return "t"; }
  void pass_a_moment() { ++now_ms; }

  int64_t now_ms = 1'700'000'000'000;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Fake, MaintainedTableContract, FakeLakeInUpkeep);

}  // namespace
}  // namespace weir::contract
