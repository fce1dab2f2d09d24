// Thrown by a parser if a field has a wrong value: `src_path` is its place in the spec.
#pragma once

#include <stdexcept>
#include <string>

namespace kaitai {

class kstream;

class undecided_endianness_error : public std::runtime_error {
public:
    explicit undecided_endianness_error(const std::string& path) : std::runtime_error(path) {}
};

class validation_failed_error : public std::runtime_error {
public:
    explicit validation_failed_error(const std::string& path)
        : std::runtime_error(path + ": wrong value"), src_path(path) {}
    const std::string src_path;
};

// With or without the value that the spec requires.
template <typename T>
class validation_error : public validation_failed_error {
public:
    validation_error(const T&, kstream*, const std::string& path) : validation_failed_error(path) {}
    validation_error(const T&, const T&, kstream*, const std::string& path)
        : validation_failed_error(path) {}
};

template <typename T> using validation_not_equal_error = validation_error<T>;
template <typename T> using validation_less_than_error = validation_error<T>;
template <typename T> using validation_greater_than_error = validation_error<T>;
template <typename T> using validation_not_any_of_error = validation_error<T>;
template <typename T> using validation_expr_error = validation_error<T>;

}  // namespace kaitai
