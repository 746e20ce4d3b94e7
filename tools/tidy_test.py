#!/usr/bin/env python3
"""Every rule of tidy.py fires on a bad sample and is silent on the good one beside it."""

import unittest

import tidy


def findings(rule, files):
    return [f"{f.path}:{f.line}: {f.text}" for f in rule(tidy.Tree(files))]


class RuleTest(unittest.TestCase):
    def assert_fires(self, rule, files, *fragments):
        found = findings(rule, files)
        self.assertEqual(len(found), len(fragments), found)
        for text, fragment in zip(found, fragments):
            self.assertIn(fragment, text)

    def assert_silent(self, rule, files):
        self.assertEqual(findings(rule, files), [])


class IncludeDirection(RuleTest):
    def check(self, path, include, *fragments):
        self.assert_fires(tidy.include_direction, {path: f'#include "{include}"\n'}, *fragments)

    def test_a_lower_module_may_not_include_a_higher_one(self):
        self.check("src/base/x.h", "batch/slice.h", "'base' (row 0) includes 'batch' (row 2)")

    def test_modules_of_one_row_do_not_include_each_other(self):
        self.check("src/nats/x.cc", "engine/engine.h", "'nats' (row 4) includes 'engine' (row 4)")

    def test_only_named_modules_reach_an_adapter(self):
        self.check("src/lake/x.cc", "engine/engine.h")
        self.check("src/lake/x.cc", "nats/source.h", "includes the adapter 'nats'")
        self.check("src/transform/x.cc", "decode/decoder.h")
        self.check("src/pipeline/x.cc", "clickhouse/client.h", "includes the adapter 'clickhouse'")

    def test_higher_rows_include_lower_ones(self):
        self.check("src/app/x.cc", "nats/source.h")
        self.check("src/app/x.cc", "app/build.h")

    def test_product_code_does_not_include_tests(self):
        self.check("src/lake/x.cc", "tests/fakes/clock.h", "product code includes 'tests/'")
        self.check("src/lake/x_test.cc", "tests/fakes/clock.h")

    def test_a_server_test_may_look_with_any_adapter(self):
        self.check("src/lake/x_itest.cc", "nats/source.h")

    def test_a_new_module_needs_a_row(self):
        self.check("src/surprise/x.cc", "base/status.h", "'surprise' has no row")


class WrappedLibraries(RuleTest):
    def test_only_the_wrapping_module_includes_a_library(self):
        self.assert_fires(tidy.wrapped_libraries, {"src/lake/x.cc": "#include <simdjson.h>\n"}, "behind module 'decode'")
        self.assert_fires(tidy.wrapped_libraries, {"src/lake/x.cc": "#include <nats/nats.h>\n"}, "behind module 'nats'")
        self.assert_fires(tidy.wrapped_libraries, {"src/lake/x.cc": '#include "weir_engine.h"\n'}, "module 'engine'")
        self.assert_silent(tidy.wrapped_libraries, {"src/nats/x.cc": "#include <nats/nats.h>\n"})

    def test_a_module_called_like_a_library_is_not_the_library(self):
        self.assert_silent(tidy.wrapped_libraries, {"src/app/x.cc": '#include "nats/stream_source.h"\n'})

    def test_a_test_may_use_a_client_of_its_own(self):
        self.assert_silent(tidy.wrapped_libraries, {"src/http/http_test.cc": "#include <curl/curl.h>\n"})


class Caps(RuleTest):
    def test_a_file_over_the_cap(self):
        self.assert_fires(tidy.file_cap, {"src/base/x.cc": "int x;\n" * 801}, "801 lines")
        self.assert_silent(tidy.file_cap, {"src/base/x.cc": "int x;\n" * 800, "docs/x.md": "text\n" * 2000})

    def test_a_function_over_the_cap(self):
        function = "namespace a {\nint f(int x) {\n%sreturn x;\n}\n}\n"
        self.assert_fires(tidy.function_cap, {"src/base/x.cc": function % ("x++;\n" * 68)}, "x.cc:2: 71 lines")
        self.assert_silent(tidy.function_cap, {"src/base/x.cc": function % ("x++;\n" * 67)})

    def test_a_long_class_or_table_is_no_long_function(self):
        members = "  int f() { return 1; }\n" * 100
        self.assert_silent(tidy.function_cap, {"src/base/x.h": "class [[nodiscard]] X final : Y<int> {\n%s};\n" % members})
        self.assert_silent(tidy.function_cap, {"src/base/x.h": "constexpr Row kRows[] = {\n%s};\n" % ("  {1, f(2)},\n" * 100)})
        self.assert_silent(tidy.function_cap, {"src/base/x.h": "enum class X : int {\n%s};\n" % ("  kA,\n" * 100)})

    def test_braces_in_literals_comments_and_macros_do_not_count(self):
        text = 'void f() {\n  char c = \'{\'; g("{", R"x({{)x");  // {\n  /* { */\n}\n#define A {\nvoid g() {\n}\n'
        self.assertEqual([lines for _, lines, _ in tidy.function_lengths(text)], [4, 2])

    def test_a_constructor_with_braced_initializers_is_one_function(self):
        text = "X::X(int a)\n    : a_{a},\n      b_(2) {\n  f();\n}\nint g() { return 1; }\n"
        self.assertEqual([(line, lines) for line, lines, _ in tidy.function_lengths(text)], [(1, 5), (6, 1)])

    def test_default_arguments_lambdas_and_operators(self):
        text = "bool operator==(X a, X b) {\n}\nint f(Y y = {}) {\n  auto l = [] { return 1; };\n}\n"
        self.assertEqual([lines for _, lines, _ in tidy.function_lengths(text)], [2, 3])


class Names(RuleTest):
    def test_files_folders_and_classes_with_empty_names(self):
        self.assert_fires(tidy.banned_names, {"src/base/string_utils.h": ""}, "'util' in the name")
        self.assert_fires(tidy.banned_names, {"src/common/x.h": ""}, "'common' in the name")
        self.assert_fires(tidy.banned_names, {"src/base/x.h": "class SessionManager;\n"}, "class SessionManager: say what")
        self.assert_fires(tidy.banned_names, {"src/base/x.h": "struct [[nodiscard]] Helpers {};\n"}, "class Helpers")

    def test_words_that_only_contain_them_are_fine(self):
        self.assert_silent(tidy.banned_names, {"src/base/utility_rate.h": "class Commonality;\n", "docs/commit.md": ""})


class Modules(RuleTest):
    def test_a_module_without_or_with_a_long_readme(self):
        self.assert_fires(tidy.module_readme, {"src/base/x.h": ""}, "src/base/README.md:1: missing")
        self.assert_fires(tidy.module_readme, {"src/base/README.md": "x\n" * 41}, "41 lines")
        self.assert_silent(tidy.module_readme, {"src/base/README.md": "x\n" * 40})

    def test_a_file_that_nothing_builds(self):
        listing = "weir_module(NAME base\n  HDRS a.h\n  SRCS a.cc)\n"
        files = {"src/base/CMakeLists.txt": listing, "src/base/a.h": "", "src/base/a.cc": ""}
        self.assert_silent(tidy.sources_are_listed, files)
        self.assert_fires(tidy.sources_are_listed, files | {"src/base/a_test.cc": ""}, "a_test.cc:1: not listed")
        self.assert_fires(tidy.sources_are_listed, files | {"src/base/aa.h": ""}, "aa.h:1: not listed")
        self.assert_silent(tidy.sources_are_listed, files | {"src/base/a_fixture.h": ""})

    def test_the_described_tree_is_the_real_one(self):
        page = "# A\n<!-- tree -->\n    src/base/   text\n    src/nats/   text\n<!-- /tree -->\nsrc/other\n"
        files = {"docs/ARCHITECTURE.md": page, "src/base/x.h": "", "src/nats/x.h": ""}
        self.assert_silent(tidy.architecture_tree, files)
        self.assert_fires(tidy.architecture_tree, files | {"src/lake/x.h": ""}, "src/lake is there but not in the tree")
        del files["src/nats/x.h"]
        self.assert_fires(tidy.architecture_tree, files, "src/nats is in the tree but not there")
        self.assert_fires(tidy.architecture_tree, {"docs/ARCHITECTURE.md": "# A\n"}, "no <!-- tree -->")


class Text(RuleTest):
    def test_an_open_end_names_its_issue(self):
        self.assert_fires(tidy.todo_with_issue, {"src/a/x.cc": "// TODO: later\n"}, "TODO without an issue")
        self.assert_fires(tidy.todo_with_issue, {"src/a/x.cc": "// FIXME(me) later\n"}, "FIXME without an issue")
        self.assert_silent(tidy.todo_with_issue, {"src/a/x.cc": "// TODO(#12): later\n"})

    def test_paths_of_one_machine(self):
        root, work, home = "/root", "/work", "/home"  # Whole paths would be what the rule forbids.
        for path in (f"{root}/x", f"{work}/x", f"{home}/jo/x"):
            self.assert_fires(tidy.no_machine_paths, {"docs/x.md": f"see {path}\n"}, "path of somebody's machine")
        self.assert_silent(tidy.no_machine_paths, {"docs/x.md": f"rust{work}/x, $HOME/.cache, https://a.b{home}/x\n"})

    def test_white_space_at_the_end(self):
        self.assert_fires(tidy.no_trailing_whitespace, {"docs/x.md": "a \nb\n"}, "x.md:1")
        self.assert_fires(tidy.no_trailing_whitespace, {"docs/x.md": "a"}, "exactly one line break")
        self.assert_fires(tidy.no_trailing_whitespace, {"docs/x.md": "a\n\n"}, "exactly one line break")
        self.assert_silent(tidy.no_trailing_whitespace, {"docs/x.md": "a\n", "tests/x.expected": "a \n", "empty": ""})

    def test_disabled_tests(self):
        self.assert_fires(tidy.no_disabled_tests, {"src/a/x_test.cc": "TEST(A, DISABLED_B) {}\n"}, "DISABLED_B")
        self.assert_fires(tidy.no_disabled_tests, {"src/a/x_test.cc": "  GTEST_SKIP();\n"}, "GTEST_SKIP")

    def test_globbed_sources(self):
        self.assert_fires(tidy.no_source_globs, {"src/a/CMakeLists.txt": "file(GLOB S src/*.cc)\n"}, "file(GLOB)")
        self.assert_fires(tidy.no_source_globs, {"cmake/x.cmake": "file( glob_recurse S *.h)\n"}, "file(GLOB)")
        self.assert_silent(tidy.no_source_globs, {"cmake/x.cmake": 'file(GLOB L "lib/libarrow.so.*00")\n'})


class Completeness(unittest.TestCase):
    def test_every_rule_has_a_doc_and_a_test(self):
        with open(__file__, encoding="utf-8") as file:
            tests = file.read()
        for rule in tidy.RULES:
            self.assertTrue(rule.__doc__, rule.__name__)
            self.assertIn(f"tidy.{rule.__name__}", tests)


if __name__ == "__main__":
    unittest.main()
