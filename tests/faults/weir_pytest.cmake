# weir_pytest(NAME n FILE x_test.py LABEL l): one file of tests as one entry of ctest; pytest prints how many tests it has.
# The interpreter is that of the private environment which tools/bootstrap.sh makes.
function(weir_pytest)
  cmake_parse_arguments(T "" "NAME;FILE;LABEL" "" ${ARGN})
  add_test(
    NAME ${T_NAME}
    COMMAND ${WEIR_CACHE}/venv/bin/python -B -m pytest -q -x -rA --durations=0 --durations-min=1 -p no:cacheprovider
            -o pythonpath=${CMAKE_SOURCE_DIR}/tests/faults ${CMAKE_CURRENT_SOURCE_DIR}/${T_FILE})
  set_tests_properties(
    ${T_NAME} PROPERTIES LABELS ${T_LABEL} TIMEOUT 900 ENVIRONMENT "WEIR_BUILD_DIR=${CMAKE_BINARY_DIR}")
endfunction()
