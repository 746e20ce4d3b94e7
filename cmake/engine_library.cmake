# The Rust engine: cargo decides whether anything is to be done, so this target always runs. The target folder lives
# in the user's cache, outside the clone: the dependencies take half an hour and no clone should build them twice.
set(WEIR_CARGO_TARGET "${WEIR_CACHE}/cargo-target" CACHE PATH "Cargo's target folder")
set(WEIR_ENGINE_SO "${CMAKE_BINARY_DIR}/libweir_engine.so")
add_custom_target(weir_engine_cargo
  COMMAND ${CMAKE_SOURCE_DIR}/tools/build-engine.sh ${WEIR_CARGO_TARGET} ${WEIR_ENGINE_SO}
  BYPRODUCTS ${WEIR_ENGINE_SO}
  USES_TERMINAL
  COMMENT "Building the Rust engine")
add_library(weir::engine_library SHARED IMPORTED)
set_target_properties(weir::engine_library PROPERTIES IMPORTED_LOCATION ${WEIR_ENGINE_SO} IMPORTED_NO_SONAME ON)
target_include_directories(weir::engine_library SYSTEM INTERFACE ${CMAKE_SOURCE_DIR}/rust/include)
add_dependencies(weir::engine_library weir_engine_cargo)
