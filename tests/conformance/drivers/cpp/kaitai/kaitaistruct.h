// A minimal runtime for the C++ parsers of kaitai-struct-compiler 0.11, for files of any size. No
// package registry within our reach has the official runtime; the names are those of that one.
#pragma once

#include "kaitai/exceptions.h"
#include "kaitai/kaitaistream.h"

#define KAITAI_STRUCT_VERSION 11000L

namespace kaitai {

class kstruct {
public:
    explicit kstruct(kstream* io) : m__io(io) {}
    virtual ~kstruct() = default;
    kstream* _io() const { return m__io; }

protected:
    kstream* m__io;
};

}  // namespace kaitai
