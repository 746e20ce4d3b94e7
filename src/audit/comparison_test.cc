#include "audit/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "audit/lake_query.h"

namespace weir::audit {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Rows in memory; a column hash is a digit of the row's hash.
class RowsInMemory final : public DigestedRows {
 public:
  void put_unsorted(int64_t seq, uint64_t hash, int32_t row = 0) {
    rows_.push_back({.id = {Seq{seq}, row}, .hash = hash});
  }
  void sort() { std::ranges::sort(rows_); }
  void put(int64_t seq, uint64_t hash, int32_t row = 0) {
    put_unsorted(seq, hash, row);
    sort();
  }
  void remove(int64_t first, int64_t last) {
    std::erase_if(rows_, [&](const RowPrint& row) { return row.id.seq.value >= first && row.id.seq.value <= last; });
  }

  Result<std::vector<RowDigest>> digests(const RowScope& scope, int64_t width) override {
    ++questions_;
    std::vector<RowDigest> digests(static_cast<size_t>(bucket_count(scope.seqs, width)));
    for (const RowPrint& row : rows_) {
      if (scope.seqs.contains(row.id.seq)) {
        digests[static_cast<size_t>((row.id.seq - scope.seqs.first) / width)].add(row.id.seq, row.hash);
      }
    }
    return digests;
  }

  Result<std::vector<RowPrint>> prints(const RowScope& scope) override {
    std::vector<RowPrint> prints;
    for (const RowPrint& row : rows_) {
      if (scope.seqs.contains(row.id.seq)) prints.push_back(row);
    }
    rows_read_ += static_cast<int64_t>(prints.size());
    return prints;
  }

  Result<std::vector<std::vector<uint64_t>>> column_hashes(int32_t, RowId id) override {
    std::vector<std::vector<uint64_t>> hashes(2);
    for (const RowPrint& row : rows_) {
      if (row.id == id) hashes[0].push_back(row.hash / 10 % 10), hashes[1].push_back(row.hash % 10);
    }
    return hashes;
  }

  int64_t rows_read() const { return rows_read_; }
  int64_t questions() const { return questions_; }

 private:
  std::vector<RowPrint> rows_;
  int64_t rows_read_ = 0;
  int64_t questions_ = 0;
};

/// 100,000 sequences with a row each in both stores, which each test then spoils.
class ComparisonTest : public testing::Test {
 protected:
  static constexpr int64_t kLast = 100'000;

  void SetUp() override {
    for (int64_t seq = 1; seq <= kLast; ++seq) put_both(seq, static_cast<uint64_t>(seq) * 0x9E3779B97F4A7C15);
  }

  void put_both(int64_t seq, uint64_t hash) {
    lake_.put_unsorted(seq, hash);
    hot_.put_unsorted(seq, hash);
  }

  std::vector<std::string> compare(bool required = true) {
    erased_.finish();
    quarantined_.finish();
    Comparison comparison(lake_, hot_, erased_, quarantined_, options_, log_);
    const auto totals = comparison.run({.shard = 0, .seqs = {Seq{1}, Seq{kLast}}}, required);
    EXPECT_TRUE(totals.ok()) << totals.status().to_string();
    if (totals.ok()) totals_ = *totals;
    std::vector<std::string> texts;
    for (const Finding& finding : log_.findings()) texts.push_back(describe(finding));
    return texts;
  }

  RowsInMemory lake_;
  RowsInMemory hot_;
  IdentitySet erased_;
  IdentitySet quarantined_;
  ComparisonOptions options_{.columns = {"a", "b"}, .bucket_sequences_min = 4'096};
  FindingLog log_{"t"};
  ComparisonTotals totals_;
};

TEST_F(ComparisonTest, EqualStoresAreOneQuestionAndNoRow) {
  EXPECT_THAT(compare(), IsEmpty());
  EXPECT_EQ(totals_.reference_rows, kLast);
  EXPECT_EQ(totals_.other_rows, kLast);
  EXPECT_EQ(lake_.questions(), 1);
  EXPECT_EQ(lake_.rows_read(), 0);
}

TEST_F(ComparisonTest, AMissingRowIsFoundByReadingFewRows) {
  hot_.remove(54'321, 54'321);
  EXPECT_THAT(compare(), ElementsAre("missing in ClickHouse: shard 0, _seq 54321, 1 row; first _seq 54321 _row 0"));
  EXPECT_LE(lake_.rows_read(), options_.leaf_rows_max);
}

TEST_F(ComparisonTest, MissingRowsThatFollowEachOtherAreOneRange) {
  hot_.remove(3'000, 50'000);
  hot_.remove(70'000, 70'001);
  EXPECT_THAT(compare(),
              ElementsAre("missing in ClickHouse: shard 0, _seq 3000..50000, 47001 rows; first _seq 3000 _row 0",
                          "missing in ClickHouse: shard 0, _seq 70000..70001, 2 rows; first _seq 70000 _row 0"));
}

TEST_F(ComparisonTest, AnEmptyStoreLacksOneRange) {
  hot_.remove(1, kLast);
  EXPECT_THAT(compare(), ElementsAre("missing in ClickHouse: shard 0, _seq 1..100000, 100000 rows"));
  EXPECT_EQ(lake_.rows_read(), 0);
}

TEST_F(ComparisonTest, ARowMayBeAbsentWhereItIsNotRequired) {
  hot_.remove(1, 40'000);
  hot_.remove(50'001, 50'001);
  EXPECT_THAT(compare(/*required=*/false), IsEmpty());
}

TEST_F(ComparisonTest, ADoubledRowIsNamedWhetherRequiredOrNot) {
  hot_.put(17, 17 * 0x9E3779B97F4A7C15);
  EXPECT_THAT(compare(false), ElementsAre("doubled in ClickHouse: shard 0, _seq 17, 1 row; first _seq 17 _row 0"));
}

TEST_F(ComparisonTest, ARangeThatIsThereTwiceIsOneFinding) {
  for (int64_t seq = 1; seq <= 8'200; ++seq) hot_.put_unsorted(seq, static_cast<uint64_t>(seq) * 0x9E3779B97F4A7C15);
  hot_.sort();
  EXPECT_THAT(compare(), ElementsAre("doubled in ClickHouse: shard 0, _seq 1..8200, 8200 rows"));
}

TEST_F(ComparisonTest, AChangedValueIsNamedWithItsColumns) {
  hot_.remove(9, 9);
  lake_.remove(9, 9);
  lake_.put(9, 55);
  hot_.put(9, 57);
  EXPECT_THAT(compare(), ElementsAre("changed in ClickHouse: shard 0, _seq 9, 1 row; first _seq 9 _row 0, "
                                     "hash 0000000000000037 became 0000000000000039; columns: b"));
}

TEST_F(ComparisonTest, ARowThatOnlyClickHouseHasIsMissingInTheLake) {
  lake_.remove(500, 500);
  EXPECT_THAT(compare(), ElementsAre("missing in the lake: shard 0, _seq 500, 1 row; first _seq 500 _row 0; "
                                     "only ClickHouse has them"));
}

TEST_F(ComparisonTest, AChangedRowBetweenMissingOnesPartsTheirRange) {
  hot_.remove(10, 14);
  hot_.put(12, 1);
  const auto found = compare();
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(log_.findings()[0].range, (SeqRange{Seq{10}, Seq{11}}));
  EXPECT_EQ(log_.findings()[1].kind, FindingKind::kChanged);
  EXPECT_EQ(log_.findings()[2].range, (SeqRange{Seq{13}, Seq{14}}));
}

TEST_F(ComparisonTest, QuarantinedRowsMayBeAbsentAndAreCounted) {
  hot_.remove(20, 20);
  quarantined_.add_row(0, {Seq{20}, 0});
  EXPECT_THAT(compare(), IsEmpty());
  EXPECT_EQ(totals_.quarantined, 1);
}

TEST_F(ComparisonTest, AnErasedRowThatIsStillInClickHouseIsNamedAsSuch) {
  lake_.remove(30, 31);
  hot_.remove(31, 31);
  erased_.add(0, {{Seq{30}, Seq{31}}, 0});
  EXPECT_THAT(compare(), ElementsAre("erased, but in ClickHouse: shard 0, _seq 30, 1 row; first _seq 30 _row 0"));
}

TEST_F(ComparisonTest, RowsThatOnlyTheOtherStoreHasByRightAreNoDifference) {
  IdentitySet replayed;
  lake_.remove(600, 600);
  lake_.remove(8'000, 17'000);  // More than a bucket.
  replayed.add_row(0, {Seq{600}, 0});
  for (int64_t seq = 8'000; seq <= 17'000; ++seq) replayed.add_row(0, {Seq{seq}, 0});
  replayed.finish();
  options_.only_other = &replayed;
  EXPECT_THAT(compare(), IsEmpty());
  hot_.put(600, 600 * 0x9E3779B97F4A7C15);
  lake_.remove(601, 601);
  EXPECT_THAT(compare(), ElementsAre("doubled in ClickHouse: shard 0, _seq 600, 1 row; first _seq 600 _row 0",
                                     "missing in the lake: shard 0, _seq 601, 1 row; first _seq 601 _row 0; only "
                                     "ClickHouse has them"));
}

TEST_F(ComparisonTest, SeveralRowsOfOneSequenceAreToldApart) {
  lake_.put(40, 1, 1);
  lake_.put(40, 2, 2);
  hot_.put(40, 2, 2);
  EXPECT_THAT(compare(), ElementsAre("missing in ClickHouse: shard 0, _seq 40, 1 row; first _seq 40 _row 1"));
}

TEST_F(ComparisonTest, BeyondTheLimitFindingsAreCounted) {
  FindingLog few("t", 2);
  for (int64_t seq = 2; seq <= 20; seq += 2) hot_.remove(seq, seq);
  Comparison comparison(lake_, hot_, erased_, quarantined_, options_, few);
  ASSERT_TRUE(comparison.run({.shard = 0, .seqs = {Seq{1}, Seq{kLast}}}, true).ok());
  EXPECT_EQ(few.findings().size(), 2u);
  EXPECT_EQ(few.omitted(), 8);
  EXPECT_EQ(few.rows(), 10);
}

TEST(IdentitiesSql, NamesEachIdentityAndNoOther) {
  IdentitySet identities;
  EXPECT_EQ(identities_sql(identities), "false");
  identities.add_row(0, {Seq{7}, 0});
  identities.add_row(0, {Seq{9}, 0});
  identities.add(0, {.seqs = {Seq{100}, Seq{200}}, .row = 0});
  identities.add_row(0, {Seq{9}, 3});
  identities.add_row(2, {Seq{5}, 0});
  identities.finish();
  EXPECT_EQ(identities_sql(identities),
            R"(("_shard" = 0 AND (("_row" = 0 AND ("_seq" IN (7, 9) OR "_seq" BETWEEN 100 AND 200)) OR )"
            R"(("_row" = 3 AND ("_seq" IN (9))))) OR ("_shard" = 2 AND (("_row" = 0 AND ("_seq" IN (5))))))");
  IdentitySet lines;
  for (int32_t row = 0; row < 4; ++row) lines.add_row(0, {Seq{8}, row});
  lines.finish();
  EXPECT_EQ(identities_sql(lines), R"(("_shard" = 0 AND (("_seq" = 8 AND "_row" IN (0, 1, 2, 3)))))");
}

TEST(IdentitySetTest, RangesMergeAndAreFound) {
  IdentitySet set;
  set.add(0, {{Seq{5}, Seq{9}}, 0});
  set.add(0, {{Seq{10}, Seq{12}}, 0});
  set.add_row(0, {Seq{7}, 3});
  set.add_row(-1, {Seq{1}, 0});
  set.finish();
  EXPECT_EQ(set.size(0), 9);
  EXPECT_EQ(set.shards().at(0).size(), 2u);
  EXPECT_TRUE(set.contains(0, {Seq{12}, 0}));
  EXPECT_TRUE(set.contains(0, {Seq{7}, 3}));
  EXPECT_FALSE(set.contains(0, {Seq{8}, 3}));
  EXPECT_FALSE(set.contains(0, {Seq{13}, 0}));
  EXPECT_FALSE(set.contains(1, {Seq{7}, 0}));
  EXPECT_TRUE(set.touches(-1, {Seq{1}, Seq{4}}));
  EXPECT_FALSE(set.touches(0, {Seq{13}, Seq{20}}));
}

}  // namespace
}  // namespace weir::audit
